"""Runs one transition against Triton, within its time, and measures it."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from greenroom.controller.load_watch import LoadWatch
from greenroom.controller.transition_report import TransitionEnd
from greenroom.controller.unloading import Unloading, restart_needed, too_late
from greenroom.errors import (
    BackendDied,
    GreenroomError,
    OutOfMemory,
    TransitionFailed,
    TritonError,
    UnknownModel,
)
from greenroom.residency.control import OUT_OF_MEMORY, Report, code_and_sentence
from greenroom.residency.states import Action, Residency
from greenroom.settings import Settings
from greenroom.triton.backend_processes import BackendProcesses
from greenroom.triton.client import Triton
from greenroom.triton.messages import died_loading
from greenroom.triton.repository import ModelSpec

logger = logging.getLogger(__name__)

_AFTER_KILL = 10.0
"""Seconds in which Triton must notice that the process of a hanging load was killed."""
_NOTICES = 2.0
"""Seconds in which Triton ends a load by itself whose process has died, if it ever does."""
_RESTARTS = 30.0
"""Seconds in which Triton has been ended when that was asked for."""
_AND_A_BIT = 5.0
"""Seconds that any load may take longer than twice the longest."""
_HELD_BACK = 60.0
"""Seconds for which a model is not loaded whose loads have hung up Triton twice in a row."""


async def nothing() -> None:
    """Wait for nothing."""


class Transitions:
    """The four actions, and what models reported after the last one."""

    def __init__(self, settings: Settings, triton: Triton, processes: BackendProcesses) -> None:
        self._settings = settings
        self._triton = triton
        self._processes = processes
        self._reports: dict[str, Report] = {}
        self._last: dict[str, TransitionEnd] = {}
        self._fingerprints: dict[str, frozenset[tuple[str, int, int]]] = {}
        self._overrides: dict[str, Mapping[str, Any]] = {}
        self._watch = LoadWatch(processes)
        self._unloading = Unloading(settings, triton, processes)
        self._hung_up: dict[str, int] = {}
        self._held_back: dict[str, float] = {}
        self._running: dict[str, tuple[Action, float]] = {}
        self._longest_load: dict[str, float] = {}
        self.before_restart: Callable[[], Awaitable[None]] = nothing
        """Awaited before Triton is restarted because of a load that never ends."""
        self.restarting: str | None = None
        """Why Triton is being restarted, while it is."""

    def report(self, model: str) -> Report:
        """The last report; empty for a model that is cold or makes none."""
        return self._reports.get(model, Report(residency=Residency.COLD))

    def last(self, model: str) -> TransitionEnd | None:
        return self._last.get(model)

    def remember(self, spec: ModelSpec) -> None:
        """Take the files as they are now for those that Triton has loaded."""
        spec.look_again()
        self._fingerprints[spec.name] = spec.fingerprint()

    def changed(self, spec: ModelSpec) -> bool:
        """The files differ from those that Triton has loaded, as far as is known."""
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
        self.restarting = None

    def overdue(self) -> str | None:
        """A sentence on a transition that takes too long, None if there is none.

        A load may take twice as long as the model's longest, and a bit; a first one load_timeout.
        """
        for model, (action, begun) in self._running.items():
            seconds = time.perf_counter() - begun
            if seconds > self._expected(model, action):
                return f"The {action} of model {model} has taken {seconds:.0f} s and has not ended."
        return None

    def _expected(self, model: str, action: Action) -> float:
        if action is not Action.LOAD:
            return self._settings.control_timeout
        longest = self._longest_load.get(model)
        return self._settings.load_timeout if longest is None else 2 * longest + _AND_A_BIT

    async def ask_report(self, model: str) -> Report:
        """Asked in the model's queue like any request, and kept for `report`."""
        return await self._control(model, "report")

    async def clear_cache(self, model: str) -> None:
        """Let a model forget its results. Raises TransitionFailed, BackendDied.

        Its report is not kept: meanwhile the model may have been unloaded.
        """
        seconds, action = self._settings.control_timeout, "clear_cache"
        report = await self._answered(model, action, self._triton.control(model, action, seconds))
        if report.error:
            raise TransitionFailed(report.error)

    async def run(
        self, model: str, action: Action, spec: ModelSpec | None, *, buries: bool = False
    ) -> TransitionEnd:
        """Do it; what went wrong is in the result.

        `spec` is None for a model that has left the repositories: it can only be unloaded.
        `buries` is said of the unload of a model whose process is dead or to be killed.
        """
        at, started = utc_now(), time.perf_counter()
        error: GreenroomError | None = None
        before = self._reports.get(model)
        self._running[model] = (action, started)
        try:
            await self._do(model, action, spec, buries)
        except GreenroomError as failure:
            error = failure
        finally:
            self._running.pop(model, None)
        seconds = time.perf_counter() - started
        if action is Action.LOAD and error is None:
            self._longest_load[model] = max(seconds, self._longest_load.get(model, 0.0))
        report = self.report(model)
        reported = None
        if error is not None and report is not before and report.residency in ("hot", "warm"):
            reported = Residency(report.residency)
        ended = TransitionEnd(action, seconds, at, report, error, reported)
        self._last[model] = ended
        return ended

    async def _do(self, model: str, action: Action, spec: ModelSpec | None, buries: bool) -> None:
        match action:
            case Action.LOAD:
                if spec is None:
                    raise UnknownModel(f"Model {model!r} is no longer in the model repositories.")
                await self._load(spec)
            case Action.UNLOAD:
                unloading = self._unloading
                await (unloading.bury(model) if buries else unloading.unload(model, spec))
                self._reports.pop(model, None)
            case Action.OFFLOAD | Action.RESTORE:
                await self._control(model, action)

    async def _load(self, spec: ModelSpec) -> None:
        self.remember(spec)
        model, overrides = spec.name, self._overrides.pop(spec.name, None)
        if (left := self._held_back.get(model, 0.0) - time.monotonic()) > 0:
            raise TransitionFailed(
                f"The process of model {model} died as soon as it was started, twice in a row, and "
                f"blocked Triton; it is not loaded again for {left:.0f} s."
            )
        try:
            await self._load_once(spec, overrides)
        except BackendDied:
            logger.warning(
                "The process of model %s died while it was being loaded; trying once more", model
            )
            try:
                await self._load_once(spec, overrides)
            except BackendDied as error:
                raise TransitionFailed(
                    f"The process of model {model} died while it was being loaded."
                ) from error
        self._hung_up.pop(model, None)
        await self._take_up(spec)

    async def _load_once(self, spec: ModelSpec, overrides: Mapping[str, Any] | None) -> None:
        """Raise BackendDied if the process died and Triton has noticed."""
        model = spec.name
        work = asyncio.ensure_future(self._triton.load(model, overrides))
        try:
            if await self._hangs(spec, work):
                await self._end_load_without_process(model, work)
            elif not work.done():
                await self._end_hanging_load(model, work)
        except GreenroomError:
            raise
        except Exception:
            # Triton goes on with it, and what it has loaded in the end nobody would count.
            await asyncio.wait([work], timeout=self._settings.load_timeout)
            await self._give_up(spec)
            raise
        try:
            await work
        except TritonError as error:
            if died_loading(str(error)):
                raise BackendDied(model) from error
            code, sentence = code_and_sentence(str(error))
            if code == OUT_OF_MEMORY:
                raise OutOfMemory(sentence) from error
            raise

    async def _hangs(self, spec: ModelSpec, work: asyncio.Future[None]) -> bool:
        """Returns when a load has ended or is late; true if it has no process before that."""
        longest = self._settings.load_timeout
        if not spec.has_process:
            await asyncio.wait([work], timeout=longest)
            return False
        dead = asyncio.ensure_future(self._watch.no_process(spec.name))
        try:
            either = asyncio.FIRST_COMPLETED
            await asyncio.wait([work, dead], timeout=longest, return_when=either)
            if work.done() or not dead.done():
                return False
            dead.result()
            return True
        finally:
            dead.cancel()

    async def _end_load_without_process(self, model: str, work: asyncio.Future[None]) -> None:
        """Triton waits for ever for a process that died too early: then it is restarted.

        The load fails with the old Triton, and who waits for it waits for the new one; if that
        happens again, who waits is refused.
        """
        await self._processes.end(model)  # one that is stopped would never go on
        if (await asyncio.wait([work], timeout=_NOTICES))[0]:
            return
        times = self._hung_up[model] = self._hung_up.get(model, 0) + 1
        why = (
            f"The process of model {model} died as soon as it was started, and Triton waits for it."
        )
        self.restarting = why
        await self.before_restart()
        failed = restart_needed(self._settings, why)
        if times > 1:
            self._held_back[model] = time.monotonic() + _HELD_BACK
        ended, _ = await asyncio.wait([work], timeout=_RESTARTS)
        if not ended:
            self.restarting = None
        if times > 1 or not ended:
            raise failed

    async def _end_hanging_load(self, model: str, work: asyncio.Future[None]) -> None:
        """A load cannot be called off; its process can be ended, then the load fails."""
        late = (
            f"Loading model {model} took longer than load_timeout "
            f"({self._settings.load_timeout:g} s); "
        )
        if not await self._processes.end(model):
            raise restart_needed(self._settings, f"{late}its process cannot be killed from here.")
        with contextlib.suppress(GreenroomError, TimeoutError):
            await asyncio.wait_for(work, _AFTER_KILL)
            # It was loaded in the very moment in which it was killed.
            await self._unloading.bury(model)
        raise TransitionFailed(f"{late}its process was killed.")

    async def _take_up(self, spec: ModelSpec) -> None:
        """See what was loaded. What cannot be seen is of no use: then the load has failed.

        Whatever the failure is, the model must not stay in Triton, where nobody counts it.
        """
        model = spec.name
        try:
            await self._processes.watch(model)
            if not spec.complete:
                spec.completed.CopyFrom(await self._triton.config(model))
            if spec.controllable:
                await self.ask_report(model)
        except Exception as error:
            await self._give_up(spec, died=isinstance(error, BackendDied))
            raise

    async def _give_up(self, spec: ModelSpec, died: bool = False) -> None:
        """Unload what the load has failed of."""
        model, unloading = spec.name, self._unloading
        with contextlib.suppress(GreenroomError):
            await (unloading.bury(model) if died else unloading.unload(model, spec))

    async def _control(self, model: str, action: str) -> Report:
        """Send a control request and keep the report, also that of a failure."""
        seconds = self._settings.control_timeout
        report = await self._answered(model, action, self._triton.control(model, action, seconds))
        self._reports[model] = report
        if report.error and report.error_code == OUT_OF_MEMORY:
            raise OutOfMemory(report.error)
        if report.error:
            raise TransitionFailed(report.error)
        return report

    async def _answered(self, model: str, action: str, control: Awaitable[Report]) -> Report:
        """Wait for a control's answer, but not for that of a process that is seen to end."""
        seconds = self._settings.control_timeout
        answer = asyncio.ensure_future(control)
        death = asyncio.ensure_future(self._processes.ended(model))
        try:
            await asyncio.wait(
                (answer, death), timeout=seconds, return_when=asyncio.FIRST_COMPLETED
            )
            if answer.done():
                return answer.result()
            if death.done():
                death.result()
                raise BackendDied(model)
            raise too_late(action, model, seconds)
        finally:
            answer.cancel()
            death.cancel()


def utc_now() -> str:
    """In ISO 8601, as events have it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
