"""What is going on while a request runs: told from the models' residency."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import typer
from rich.console import Console
from rich.text import Text

from greenroom_client.cli.shown import cell, printable

IN_TRANSITION = ("loading", "restoring", "offloading", "unloading")


@dataclass(frozen=True)
class Phase:
    """A thing that goes on, and for how many seconds it has been seen."""

    text: str
    seconds: float | None = None

    def __str__(self) -> str:
        return self.text if self.seconds is None else f"{self.text} {self.seconds:.1f} s"


class Telling(Protocol):
    """Tells what goes on from the models of GET /residency."""

    def of(self, models: dict[str, Any]) -> Phase: ...


@dataclass
class Phases:
    """Tells from each report of GET /residency what a request that needs ``models`` is doing."""

    models: Sequence[str]
    working: str
    """The word for what happens once all models are there."""
    clock: Callable[[], float] = time.monotonic
    _text: str = field(default="", init=False)
    _since: float = field(default=0.0, init=False)

    def of(self, models: dict[str, Any]) -> Phase:
        """What holds the request up, else the work.

        A request waits for all its models together, so each of them counts it as waiting: a
        model in transition says more, then one that is not there yet.
        """
        needed = {name: models[name] for name in self.models if isinstance(models.get(name), dict)}
        for tell in (_transition, _absence, _queue):
            for name, model in needed.items():
                if text := tell(name, model):
                    return Phase(text, self._seconds_of(text))
        self._text = self.working
        return Phase(self.working)

    def _seconds_of(self, text: str) -> float:
        now = self.clock()
        if text != self._text:
            self._text, self._since = text, now
        return now - self._since


def _transition(name: str, model: dict[str, Any]) -> str | None:
    residency = model.get("residency")
    return f"{residency} {name}" if residency in IN_TRANSITION else None


def _absence(name: str, model: dict[str, Any]) -> str | None:
    return None if model.get("residency") == "hot" else _queue(name, model)


def _queue(name: str, model: dict[str, Any]) -> str | None:
    waiting = model.get("waiting")
    if not isinstance(waiting, int) or waiting < 1:
        return None
    ahead = f" ({waiting - 1} ahead)" if waiting > 1 else ""
    return f"waiting for {name}{ahead}"


@contextmanager
def display(quiet: bool) -> Iterator[Callable[[Phase], None]]:
    """A spinner on a terminal, a line per change elsewhere."""
    console = Console(stderr=True)
    if quiet:
        yield lambda phase: None
    elif console.is_terminal:
        with console.status(Text("")) as status:
            yield lambda phase: status.update(cell(phase))
    else:
        yield _Lines()


class _Lines:
    def __init__(self) -> None:
        self._last = ""

    def __call__(self, phase: Phase) -> None:
        if phase.text != self._last:
            self._last = phase.text
            typer.echo(printable(phase.text), err=True)
