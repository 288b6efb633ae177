"""``greenroom simulate``: reads what is given, plays the trace as often as is asked, tells."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from greenroom.errors import InvalidInput
from greenroom.residency.eviction_order import ORDERS
from greenroom.simulate import advice, fleet_study, plot, sweeps
from greenroom.simulate.configuration import Configuration
from greenroom.simulate.costs import MOST_BYTES, default_model, size
from greenroom.simulate.measured import read_measured
from greenroom.simulate.output import check_apart, writing
from greenroom.simulate.play import BELADY, Played, play
from greenroom.simulate.report import (
    print_bad_rows,
    print_result,
    print_rows,
    print_sentences,
)
from greenroom.simulate.routers import ByResidency
from greenroom.simulate.trace import Trace
from greenroom.simulate.trace_file import Columns, read_trace
from greenroom.simulate.world import World


@dataclass(frozen=True)
class Study:
    """The options of ``greenroom simulate``."""

    trace: Path
    columns: Columns
    config: Path | None
    from_url: str | None
    api_key: str | None
    gpus: int
    memory: str | None
    policy: str | None
    offload_after: float | None
    unload_after: float | None
    default_model: str
    eviction: str
    compare: bool
    machines: str | None
    sweep: str | None
    advise: bool
    json_file: Path | None
    plot: Path | None
    quiet: bool


def run(study: Study) -> None:
    """Raises InvalidInput for what cannot be simulated."""
    if study.plot:
        plot.check(study.plot)
    check_apart(
        {"--json": study.json_file, "--plot": study.plot},
        {"TRACE": study.trace, "--config": study.config},
    )
    if study.gpus > 1 and (study.sweep or study.advise):
        raise InvalidInput("--sweep and --advise are for one GPU; leave --gpus out.")
    configuration, memory = _configured(study)
    with _shown(study.quiet) as show:
        trace = read_trace(study.trace, study.columns, show("reading", None))
    print_bad_rows(Console(stderr=True), trace.bad_rows)
    unknown = configuration.unknown(trace.names)
    print_sentences(Console(stderr=True), unknown)
    world = World(
        configuration.models,
        configuration.other,
        memory,
        order=ORDERS.get(study.eviction, ORDERS["lru"]),
    )
    _check_seconds(trace, world)
    console = Console()
    with _shown(study.quiet) as show:
        found = _played(study, trace, world, show)
    _tell(console, study, found)
    if study.json_file:
        found |= {"bad_rows": list(trace.bad_rows), "unknown_models": unknown}
        with writing("--json", study.json_file):
            study.json_file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if study.plot:
        with writing("--plot", study.plot):
            plot.draw(study.plot, found)


def _configured(study: Study) -> tuple[Configuration, int]:
    configuration = Configuration(default_model(study.default_model))
    memory = 0
    if study.from_url is not None:
        memory = read_measured(configuration, study.from_url, study.api_key)
    if study.config:
        configuration.read(study.config)
    if study.policy is not None:
        configuration.change_policies(study.policy)
    for field in ("offload_after", "unload_after"):
        if (seconds := getattr(study, field)) is not None:
            configuration.change_all({field: seconds}, f"--{field.replace('_', '-')}")
    if study.memory is not None:
        memory = _memory(study.memory)
    return configuration, memory


def _memory(given: str) -> int:
    if given.strip().lower() == "none":
        return 0
    try:
        found = size(given)
    except ValueError as error:
        raise InvalidInput(f"--memory is {given!r}; it {error}, or none.") from None
    if not isinstance(found, int) or found <= 0:
        raise InvalidInput(f"--memory is {given!r}; write none for no limit.")
    if found > MOST_BYTES:
        raise InvalidInput(f"--memory is {given!r}; it must be at most {MOST_BYTES:.0e} bytes.")
    return found


def _check_seconds(trace: Trace, world: World) -> None:
    unknown = {trace.names[m] for m in np.unique(trace.models[np.isnan(trace.seconds)])}
    lacking = sorted(name for name in unknown if world.model(name).costs.run is None)
    if lacking:
        more = f" and {len(lacking) - 1} more" if lacking[1:] else ""
        raise InvalidInput(
            f"The trace has no seconds of work for model {lacking[0]}{more}; give --seconds, or "
            "run in the costs of each."
        )


Show = Callable[[str, int | None], Callable[[int], None]]


@contextmanager
def _shown(quiet: bool) -> Iterator[Show]:
    """Bars on a terminal; elsewhere nothing."""
    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    ) as progress:

        def show(what: str, total: int | None) -> Callable[[int], None]:
            for before in progress.task_ids:  # a bar for each value would fill the terminal
                progress.remove_task(before)
            task = progress.add_task(what, total=total)
            return lambda done: progress.update(task, completed=done)

        yield show


def _played(study: Study, trace: Trace, world: World, show: Show) -> dict[str, Any]:
    total = len(trace)

    def one(eviction: str, label: str = "playing") -> dict[str, Any]:
        router = ByResidency(world, trace.mean_seconds()) if study.gpus > 1 else None
        played = play(
            trace, world.ordered(eviction), eviction, study.gpus, router, show(label, total)
        )
        return result(played, world, study.gpus)

    found = one(study.eviction)
    if study.compare:
        others = [name for name in (*ORDERS, BELADY) if name != study.eviction]
        orders = {study.eviction: dict(found)} | {name: one(name, name) for name in others}
        found["orders"] = {name: orders[name] for name in (*ORDERS, BELADY)}
    if study.sweep:
        found["sweep"] = sweeps.swept(trace, world, study.eviction, study.sweep, show)
    if study.machines is not None:
        found["machines"] = fleet_study.compared(trace, world, study.eviction, study.machines, show)
    if study.advise:
        found["advice"] = advice.advised(trace, world, show)
    return found


def result(played: Played, world: World, gpus: int) -> dict[str, Any]:
    """With the seconds of GPUs: a GPU is held as far as its memory is; null without a limit."""
    found = played.as_json()
    held, every = played.tally.device.byte_seconds, gpus * played.seconds
    found["gpu_seconds"] = None
    if world.memory:
        held /= world.memory
        found["gpu_seconds"] = {"held": held, "freed": every - held, "all": every}
    return found


def _tell(console: Console, study: Study, found: dict[str, Any]) -> None:
    print_result(console, found)
    if study.compare:
        console.print()
        print_rows(console, "order", list(found["orders"].items()))
    if study.sweep:
        console.print()
        sweeps.print_sweep(console, found["sweep"])
    if study.machines is not None:
        console.print()
        fleet_study.print_machines(console, found["machines"])
    if study.advise:
        console.print()
        advice.print_advice(console, found["advice"])
