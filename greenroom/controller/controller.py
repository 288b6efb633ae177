"""The controller: turns the stage's decisions into calls to Triton and answers who waits.

Everything runs in one event loop. Whoever wants something calls the stage synchronously, without
an await in between, and then `_act` carries out what the stage decided: so each decision sees
a consistent state and no lock is needed. Only transitions are tasks, and each reports its end
back to the stage.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from greenroom.controller.alarm import Alarm
from greenroom.controller.background import Background
from greenroom.controller.caches import Caches
from greenroom.controller.clock import Clock, LoopClock
from greenroom.controller.gpu_memory import GpuMemory
from greenroom.controller.healing import Healing
from greenroom.controller.leases import Lease, Leases, WhileWaiting, resolve
from greenroom.controller.memory_watch import MemoryWatch
from greenroom.controller.metrics import Metrics
from greenroom.controller.policy_change import changed_policy
from greenroom.controller.suspects import Suspects
from greenroom.controller.transition_report import Events, TransitionEnd, TransitionReport
from greenroom.controller.transitions import Transitions, utc_now
from greenroom.controller.triton_monitor import TritonMonitor
from greenroom.controller.view import View
from greenroom.errors import (
    BackendDied,
    Conflict,
    GreenroomError,
    ServerDown,
    ShuttingDown,
    TransitionFailed,
    UnknownModel,
)
from greenroom.residency.budget import Budget
from greenroom.residency.effects import Answered, Begin, Effect, Granted, Measure, Refused
from greenroom.residency.eviction_order import ORDERS
from greenroom.residency.messages import no_cache
from greenroom.residency.model import Demand, ManualAction, Model
from greenroom.residency.stage import Stage
from greenroom.residency.states import Action, Residency
from greenroom.settings import Settings
from greenroom.tracing import Traces
from greenroom.triton.backend_processes import BackendProcesses
from greenroom.triton.client import Triton
from greenroom.triton.repository import ModelSpec, Repository

logger = logging.getLogger(__name__)

_HAS_PROCESS = frozenset(
    {Residency.WARM, Residency.HOT, Residency.OFFLOADING, Residency.RESTORING},
)
_DECIDE_AGAIN = 1.0
"""Seconds after which a decision that broke is made again."""
_TO_END = 5.0
"""Seconds that leases have to end before Triton is restarted because of another model."""


class Controller:
    """Grants leases and runs transitions for one Triton."""

    def __init__(
        self,
        settings: Settings,
        triton: Triton,
        repository: Repository,
        transitions: Transitions,
        processes: BackendProcesses,
        clock: Clock | None = None,
        gpu: GpuMemory | None = None,
        caches: Caches | None = None,
        traces: Traces | None = None,
    ) -> None:
        budget = Budget(settings.gpu_budget_bytes, settings.gpu_reserve_bytes, gpu is not None)
        order = ORDERS[settings.eviction]
        self.stage = Stage((), budget, settings.max_overtaken, settings.key_share, order)
        self.repository = repository
        self.events = Events()
        self.metrics = Metrics()
        self.traces = traces or Traces()
        self._settings = settings
        self._transitions = transitions
        transitions.before_restart = self._leases_end
        self._clock = clock or LoopClock()
        self._background = Background(self.metrics.internal_errors)
        self.broke = self._background.broke
        self.healing = Healing(
            self.stage, transitions, processes, self._clock, self._act, self._background
        )
        self.suspects = Suspects(settings, lambda: self.triton_monitor.away())
        processes.on_signal = self.suspects.process_ended
        self.healing.begin_probing(settings.probe_interval)
        self.triton_monitor = TritonMonitor(
            self.stage,
            triton,
            repository,
            transitions,
            self.healing,
            self._clock,
            self._act,
            self._background,
        )
        self._caches = caches
        self.view = View(self.stage, transitions, processes, self.metrics, self._clock, gpu, caches)
        self._memory = MemoryWatch(
            settings, self.stage, gpu, self._clock, self._act, self._background
        )
        self._leases = Leases(
            self.stage, self.healing, self.traces, self._background, self._clock, self._act
        )
        self._answers: dict[ManualAction, asyncio.Future[None]] = {}
        self._alarm = Alarm(self._clock, self._act_in_time)
        self._report = TransitionReport(self.metrics, self.events)
        self._acted = asyncio.Event()
        self._closing = False
        self._add_models()

    @property
    def closing(self) -> bool:
        """Whether it drains, which nothing ends but the process's own end."""
        return self._closing

    # -- leases -----------------------------------------------------------------------------

    def knows(self, model: str) -> bool:
        """It can be leased: it is in the repositories; one that was just added is noticed."""
        entry = self.stage.models.get(model)
        if entry is not None:
            return entry.residency is not Residency.COLD or self.repository.still_has(model)
        if self.repository.has(model):
            self._add_models()
        return model in self.stage.models

    def lease(
        self,
        model: str,
        while_waiting: WhileWaiting | None = None,
        place: int | None = None,
        key: str = "",
    ) -> AbstractAsyncContextManager[Lease]:
        """Hold a model and its steps while inside; see `Leases.lease`."""
        if self._closing:
            raise ShuttingDown
        return self._leases.lease(model, while_waiting, place, key)

    def memory_awaited_beside(self, held: Collection[str]) -> bool:
        """Whether somebody waits for GPU memory for a model that is not among those."""
        models = self.stage.models.items()
        return any(entry.memory.awaits_memory for name, entry in models if name not in held)

    # -- manual actions ---------------------------------------------------------------------

    async def act(self, model: str, action: Action) -> None:
        """Do a manual action and return when its state is reached; same actions join.

        Raises Conflict when the model's state does not allow it, TransitionFailed and its
        kin when it went wrong.
        """
        steps = self.entry(model).steps
        if self._closing:
            raise ShuttingDown
        if action is Action.LOAD and steps:
            await asyncio.gather(*(self.act(step, action) for step in steps))
        manual = self.stage.act_by_hand(model, action, self._clock.now())
        answer = self._answers.get(manual)
        if answer is None:
            answer = self._answers[manual] = asyncio.get_running_loop().create_future()
        self._act()
        await asyncio.shield(answer)  # others may await the same one

    async def load_from_repository(
        self, model: str, parameters: Mapping[str, Any] | None = None
    ) -> None:
        """Load as Triton's repository API does: again if the files or the overrides are new.

        Nothing happens for a loaded model that has not changed. Overrides last until the
        model is unloaded.
        """
        self.repository.scan()
        self._add_models()
        entry = self.entry(model)
        spec = self.repository.models.get(model)
        if parameters or (spec and self._transitions.changed(spec)):
            self._transitions.override(model, parameters)
            if entry.residency is not Residency.COLD:
                await self.act(model, Action.UNLOAD)
        await self.act(model, Action.LOAD)

    async def touch(self, model: str) -> None:
        """Ask for a model and its steps ahead of a request; returns when all are hot.

        A touch is a request that has nothing to ask: its lease ends as soon as it is served,
        and so the idle clock starts. Raises what a request's refusal does.
        """
        self.entry(model)
        while True:
            async with self.lease(model) as lease:
                needs = [self.stage.models[name] for name in lease.needs]
                while any(entry.moving or entry.failure.broken for entry in needs):
                    await self._next_act()
                missed = [entry for entry in needs if entry.residency is not Residency.HOT]
            for entry in missed:
                if why := entry.failure.last_error:
                    raise TransitionFailed(f"Model {entry.name} did not become hot: {why}")
            if not missed:
                return
            # Triton has gone: like a request, this waits for the next one.

    async def clear_cache(self, model: str) -> None:
        """Let a model forget its results; that neither wakes it nor counts as use.

        A model without a process has forgotten them. Raises Conflict for one that cannot be
        asked, TransitionFailed and its kin when it went wrong.
        """
        entry = self.entry(model)
        if not entry.controllable:
            raise Conflict(no_cache(entry))
        if entry.residency in _HAS_PROCESS:
            asked_at = self._clock.now()
            try:
                await self._transitions.clear_cache(model)
            except BackendDied:
                self.healing.found(model, asked_at, "at clear_cache")
                raise
        if self._caches:
            self._caches.forget()

    def change_policy(self, model: str, given: Mapping[str, Any]) -> None:
        """Change fields of a model's policy, until the service is started anew; acts at once.

        Raises InvalidInput for a field that cannot be, DoesNotFit for a pin that cannot hold.
        """
        entry = self.entry(model)
        self.stage.change_policy(model, changed_policy(entry.policy, given), given)
        self._act()

    def why_not_serving(self, model: str | None = None) -> str | None:
        """A sentence, None if a request would be served now."""
        if self._closing:
            return str(ShuttingDown())
        if not self.stage.up:
            return self.triton_monitor.fault
        if reason := self._transitions.restarting or self._transitions.overdue():
            return reason
        for entry in self.stage.models.values():
            if entry.stays and entry.failure.failures and entry.residency is not Residency.HOT:
                return (
                    f"Model {entry.name} is pinned, but cannot be loaded: "
                    f"{entry.failure.last_error}"
                )
        if model is not None:
            for name in (*self.entry(model).steps, model):
                entry = self.stage.models[name]
                if entry.failure.failures and self._clock.now() < entry.failure.retry_at:
                    return f"Model {name} failed: {entry.failure.last_error}"
        return None

    # -- running ----------------------------------------------------------------------------

    async def _leases_end(self, longest: float = _TO_END) -> None:
        """Until no lease is out, or `longest` seconds on."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(longest):
                while any(entry.demand.leases for entry in self.stage.models.values()):
                    await self._next_act()

    async def drain(self, longest: float) -> None:
        """Refuse who asks and who waits; return when leases have ended, or have been cut off.

        Those that last longer than `longest` seconds are.
        """
        self._closing = True
        logger.info("Draining: new requests are refused, running requests may finish")
        self._leases.refuse_all(ShuttingDown())
        for answer in self._answers.values():
            resolve(answer, ShuttingDown())
        with self._background.guarded("Ending the events"):
            self.events.close()
        await self._leases_end(longest)
        if cut := self._leases.cut(ShuttingDown()):
            logger.warning(
                "%d requests still ran after drain_timeout (%g s) and were cut off: %s",
                len(cut),
                longest,
                ", ".join(f"{number} of {model}" for model, number in Counter(cut).items()),
            )

    async def close(self) -> None:
        """Stop following transitions; those that run in Triton end there by themselves."""
        self._alarm.cancel()
        with self._background.guarded("Stopping the process watch"):
            self.healing.close()
        await self._background.close()

    # -- inside -----------------------------------------------------------------------------

    def entry(self, model: str) -> Model:
        """Raises UnknownModel."""
        if not self.knows(model):
            raise UnknownModel(f"Model {model!r} is not in the model repositories.")
        return self.stage.models[model]

    def _add_models(self) -> None:
        for name, spec in self.repository.models.items():
            entry = self.stage.models.get(name)
            if entry is None:
                policy = self._settings.policy_of(name, spec.policy)
                entry = Model(name, policy, demand=Demand(idle_since=self._clock.now()))
            entry.steps = spec.steps
            entry.controllable = spec.controllable
            self.stage.add(entry)
            with self._background.guarded(f"The metrics of model {name}"):
                self.metrics.expect(entry)
            with self._background.guarded(f"The size of model {name}"):
                self._memory.expect(entry, spec)

    def _act(self, effects: Iterable[Effect] = ()) -> None:
        """Carry out `effects`, then what the stage decides now, and set the alarm anew.

        Both of the stage's questions are about the same moment: nothing falls between them.
        Who is answered already does not depend on what is decided next.
        """
        now = self._clock.now()
        try:
            for effect in effects:
                self._carry_out(effect)
            for effect in self.stage.decide(now):
                self._carry_out(effect)
        except BaseException:
            self._alarm.set(now + _DECIDE_AGAIN)
            raise
        finally:
            self._acted.set()
            self._alarm.set(self.stage.next_due(now))

    def _act_in_time(self) -> None:
        with self._background.guarded("What was due"):
            self._act()

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Begin():
                what = f"The {effect.action} of model {effect.model}"
                self._background.run(what, self._transition(effect))
            case Measure():
                self._memory.look()
            case Granted(ticket):
                self._leases.answer(ticket)
            case Refused(ticket, error):
                self._leases.answer(ticket, error)
            case Answered(manual, error):
                if (answer := self._answers.pop(manual, None)) is not None:
                    resolve(answer, error)

    async def _next_act(self) -> None:
        """Until `_act` has run again; what was awaited need not have happened then."""
        self._acted.clear()  # nothing is awaited before the wait, so no change is missed
        await self._acted.wait()

    async def _transition(self, begin: Begin) -> None:
        """Run a transition; whoever waits for it is answered before anything is written down."""
        model, entry = begin.model, self.stage.models[begin.model]
        came_from, spec = entry.came_from, self.repository.models.get(model)
        ended = await self._ended(begin, spec)
        with self._background.guarded(f"Finding why the {begin.action} of model {model} failed"):
            if isinstance(ended.error, ServerDown):
                await self.triton_monitor.check()  # its waiters wait for Triton: they did not fail
            elif isinstance(ended.error, BackendDied):
                self.healing.found(model, self._clock.now(), f"at {begin.action}")
        effects = self.stage.finished(begin, self._clock.now(), ended.error, ended.reported)
        self.stage.reported(model, ended.report)
        to = entry.residency
        self._act(effects)
        with self._background.guarded("Reporting a transition"):
            self._report.tell(begin, came_from, to, ended)
        with self._background.guarded("Keeping a measurement"):
            self._memory.keep(entry, spec)
        await self.healing.after(begin, ended)

    async def _ended(self, begin: Begin, spec: ModelSpec | None) -> TransitionEnd:
        waiting = self._leases.waiting_for(begin.model)
        with self._background.span(lambda: self.traces.transition(begin, waiting)) as span:
            try:
                ended = await self._transitions.run(
                    begin.model, begin.action, spec, buries=begin.buries
                )
            except Exception:
                what = f"The {begin.action} of model {begin.model}"
                self._background.broke(what)
                report = self._transitions.report(begin.model)
                error = GreenroomError(f"{what} failed unexpectedly; see the log.")
                ended = TransitionEnd(begin.action, 0.0, utc_now(), report, error)
            with self._background.guarded("A trace"):
                span.ended(ended.error)
        return ended
