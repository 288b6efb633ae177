"""The control requests of a managed model: what they ask and what they report."""

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from greenroom import boot_clock
from greenroom.errors import Conflict, GreenroomError, InvalidInput
from greenroom.managed.engine import Engine
from greenroom.residency.control import OUT_OF_MEMORY, Report

ACTIONS = ("offload", "restore", "report", "clear_cache")


@dataclass(frozen=True)
class Control:
    """One parsed ``RESIDENCY`` input."""

    action: str
    expires: float | None
    """Seconds of `boot_clock` after which it must not be done any more; None: never."""


def parse_control(raw: str) -> Control:
    """Read a ``RESIDENCY`` input; InvalidInput says what is wrong with it."""
    try:
        fields = json.loads(raw)
    except ValueError:
        raise InvalidInput(f"RESIDENCY is {raw[:80]!r}, which is not a JSON object.") from None
    action = fields.get("action") if isinstance(fields, dict) else None
    if action not in ACTIONS:
        raise InvalidInput(f"RESIDENCY action is {action!r}; it must be one of {_or(ACTIONS)}.")
    expires = fields.get("expires")
    if expires is not None and not isinstance(expires, int | float):
        raise InvalidInput(f"RESIDENCY expires is {expires!r}; it must be seconds.")
    ours = fields.get("boot") == boot_clock.boot()
    return Control(action, expires if ours else None)


class ResidencyControl:
    """Whether one engine is hot or warm, and the only way to change that."""

    def __init__(self, engine: Engine, in_work: Callable[[], int] = lambda: 0) -> None:
        """``in_work`` says how many rows hold state on the device, which an offload would lose."""
        self._engine = engine
        self._in_work = in_work
        self.hot = True

    def restore(self) -> None:
        """Make the engine hot; a failed restore leaves it warm."""
        if not self.hot:
            self._engine.restore()
            self.hot = True

    def offload(self) -> None:
        """Make the engine warm; one that still holds device memory stays hot."""
        if not self.hot:
            return
        if rows := self._in_work():
            raise Conflict(f"{rows} rows are active; an offload must wait until they have ended.")
        self._engine.offload()
        left = self._engine.memory().device_bytes
        if left:
            raise GreenroomError(f"offload left {left} bytes on the device; it must leave none.")
        self.hot = False

    def obey(self, control: Control) -> Report:
        """What went wrong is in the report."""
        begin = time.perf_counter()
        error, code = _expiry(control), None
        if error is None:
            error, code = self._attempt(control.action)
        seconds = time.perf_counter() - begin
        return self.report(seconds, error, code)

    def _attempt(self, action: str) -> tuple[str | None, str | None]:
        try:
            if action == "offload":
                self.offload()
            elif action == "restore":
                self.restore()
            elif action == "clear_cache" and self._engine.cache is not None:
                self._engine.cache.clear()
        except Exception as error:
            return str(error) or type(error).__name__, error_code(error)
        return None, None

    def report(self, seconds: float, error: str | None, code: str | None) -> Report:
        """The memory is measured now."""
        memory = self._engine.memory()
        return Report(
            residency="hot" if self.hot else "warm",
            device_bytes=memory.device_bytes,
            device_overhead_bytes=memory.device_overhead_bytes,
            host_bytes=memory.host_bytes,
            seconds=round(seconds, 6),
            pid=os.getpid(),
            engine=self._engine.name,
            error=error,
            error_code=code,
        )


def error_code(error: Exception) -> str | None:
    """By the error's class; torch need not be there."""
    torch = sys.modules.get("torch")
    lacking = (MemoryError, *((torch.OutOfMemoryError,) if torch else ()))
    return OUT_OF_MEMORY if isinstance(error, lacking) else None


def _expiry(control: Control) -> str | None:
    late = boot_clock.now() - control.expires if control.expires is not None else 0.0
    if late <= 0:
        return None
    return f"{control.action} expired {late:.3f} s before its turn came, so it was not done."


def _or(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"
