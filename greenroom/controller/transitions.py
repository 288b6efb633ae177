"""Runs one transition against Triton, within its time, and measures it."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from greenroom.config import Settings
from greenroom.controller.backend_process import kill_backend
from greenroom.controller.events import Event
from greenroom.controller.repository import ModelSpec
from greenroom.controller.triton import Triton
from greenroom.errors import GreenroomError, TransitionFailed, UnknownModel
from greenroom.residency.control import Report
from greenroom.residency.states import Action, Residency

logger = logging.getLogger(__name__)

_Result = TypeVar("_Result")

_AFTER_KILL = 10.0
"""Seconds in which Triton must notice that the process of a hanging load was killed."""


@dataclass(frozen=True)
class Ended:
    """How a transition went. `at` is UTC, `seconds` what it took, `bytes` on the device after."""

    action: Action
    seconds: float
    at: str
    bytes: int
    error: GreenroomError | None

    @property
    def result(self) -> str:
        """The label `result` of the metrics."""
        return "failed" if self.error else "done"

    def brief(self) -> dict[str, Any]:
        """Return `last_transition` of GET /residency."""
        return {"action": self.action, "seconds": round(self.seconds, 4), "at": self.at}

    def event(self, model: str, came_from: Residency, to: Residency, reason: str) -> Event:
        """Return the event that tells of it."""
        return Event(
            model,
            self.action,
            came_from,
            to,
            self.seconds,
            self.bytes,
            reason,
            self.at,
            str(self.error) if self.error else None,
        )


class Transitions:
    """The four actions, and what models reported after the last one."""

    def __init__(self, settings: Settings, triton: Triton, region_prefix: str) -> None:
        self._settings = settings
        self._triton = triton
        self._region_prefix = region_prefix
        self._reports: dict[str, Report] = {}
        self._last: dict[str, Ended] = {}
        self._fingerprints: dict[str, frozenset[tuple[str, int, int]]] = {}
        self._overrides: dict[str, Mapping[str, Any]] = {}

    def report(self, model: str) -> Report:
        """Return the last report; empty for a model that is cold or makes none."""
        return self._reports.get(model, Report(residency=Residency.COLD))

    def last(self, model: str) -> Ended | None:
        """Return how the last transition of a model went."""
        return self._last.get(model)

    def remember(self, spec: ModelSpec) -> None:
        """Take the files as they are now for those that Triton has loaded."""
        self._fingerprints[spec.name] = spec.fingerprint()

    def changed(self, spec: ModelSpec) -> bool:
        """Whether the files differ from those that Triton has loaded, as far as is known."""
        loaded = self._fingerprints.get(spec.name)
        return loaded is not None and loaded != spec.fingerprint()

    def override(self, model: str, parameters: Mapping[str, Any] | None) -> None:
        """Use Triton's load parameters in the next load of a model, and only in that one."""
        if parameters:
            self._overrides[model] = parameters
        else:
            self._overrides.pop(model, None)

    def forget(self) -> None:
        """Triton is gone: nothing that models reported is true any more."""
        self._reports.clear()

    async def ask_report(self, model: str) -> Report:
        """Ask a model for its report and keep it."""
        report = await self._triton.control(model, "report", self._settings.control_timeout)
        self._reports[model] = report
        return report

    async def run(self, model: str, action: Action, spec: ModelSpec | None) -> Ended:
        """Do it; the error is in the result, nothing but a cancellation is raised.

        `spec` is None for a model that has left the repositories: it can only be unloaded.
        """
        at, started = datetime.now(UTC).isoformat(timespec="milliseconds"), time.perf_counter()
        error: GreenroomError | None = None
        try:
            await self._do(model, action, spec)
        except GreenroomError as failure:
            error = failure
        except Exception:
            logger.exception("%s of %s", action, model)
            error = GreenroomError(f"The {action} of model {model} broke; the log says how.")
        seconds = time.perf_counter() - started
        ended = Ended(action, seconds, at, self.report(model).device_bytes, error)
        self._last[model] = ended
        return ended

    async def _do(self, model: str, action: Action, spec: ModelSpec | None) -> None:
        match action:
            case Action.LOAD:
                if spec is None:
                    raise UnknownModel(f"Model {model!r} has left the model repositories.")
                await self._load(spec)
            case Action.UNLOAD:
                await self._within_time(action, model, self._triton.unload(model))
                self._reports.pop(model, None)
            case Action.OFFLOAD | Action.RESTORE:
                timeout = self._settings.control_timeout
                sent = self._triton.control(model, action, timeout)
                self._reports[model] = await self._within_time(action, model, sent)

    async def _load(self, spec: ModelSpec) -> None:
        self.remember(spec)
        model, overrides = spec.name, self._overrides.pop(spec.name, None)
        work = asyncio.ensure_future(self._triton.load(model, overrides))
        done, _ = await asyncio.wait([work], timeout=self._settings.load_timeout)
        if not done:
            await self._end_hanging_load(model, work)
        await work
        if spec.controllable:
            await self._first_report(model)

    async def _end_hanging_load(self, model: str, work: asyncio.Future[None]) -> None:
        """A load can not be called off; its process can be ended, then the load fails."""
        killed = kill_backend(model, self._region_prefix)
        with contextlib.suppress(GreenroomError, TimeoutError):
            await asyncio.wait_for(work, _AFTER_KILL)
        ended = "its process was killed" if killed else "its process can not be seen from here"
        raise TransitionFailed(
            f"Loading model {model} took longer than load_timeout "
            f"({self._settings.load_timeout:g} s); {ended}."
        )

    async def _first_report(self, model: str) -> None:
        """A model that is loaded and can not be asked is of no use: then the load has failed."""
        try:
            await self._within_time("report", model, self.ask_report(model))
        except GreenroomError:
            with contextlib.suppress(GreenroomError):
                await self._within_time(Action.UNLOAD, model, self._triton.unload(model))
            raise

    async def _within_time(self, action: str, model: str, work: Awaitable[_Result]) -> _Result:
        seconds = self._settings.control_timeout
        try:
            async with asyncio.timeout(seconds):
                return await work
        except TimeoutError:
            raise TransitionFailed(
                f"The {action} of model {model} took longer than control_timeout ({seconds:g} s)."
            ) from None
