"""Notices that a model's process is dead or stopped, in three ways, and lets it heal.

A request or a control fails with it; its process is seen to end; or it does not answer the
probe, a report that is asked for from time to time while nobody holds the model. What then
happens to the model, the stage decides: it is unloaded, its process killed, and loaded again.
Requests that the process had are given up here at once, since Triton fails them only one
after another, a second each; whoever sent them asks for a new lease and sends them once more.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any

from greenroom.controller.background import Background
from greenroom.controller.clock import Clock, Timer
from greenroom.controller.transition_report import TransitionEnd
from greenroom.controller.transitions import Transitions
from greenroom.errors import BackendDied, GreenroomError, ServerDown
from greenroom.residency.effects import Begin, Effect
from greenroom.residency.model import Model, Ticket
from greenroom.residency.stage import Stage
from greenroom.residency.states import Residency
from greenroom.triton.backend_processes import BackendProcesses
from greenroom.triton.messages import dead_model

logger = logging.getLogger(__name__)

_RESTING = (Residency.HOT, Residency.WARM)


class Healing:
    """Watches the processes of all models that are loaded.

    `act` carries out effects and what the stage decides then.
    """

    def __init__(
        self,
        stage: Stage,
        transitions: Transitions,
        processes: BackendProcesses,
        clock: Clock,
        act: Callable[[Iterable[Effect]], None],
        background: Background,
    ) -> None:
        self._stage = stage
        self._transitions = transitions
        self._processes = processes
        self._clock = clock
        self._act = act
        self._background = background
        self._in_hand: dict[asyncio.Future[Any], Ticket] = {}
        self._probing: set[str] = set()
        self._timer: Timer | None = None
        processes.on_end = self._process_ended

    # -- requests in Triton's hands ---------------------------------------------------------

    def sent(self, ticket: Ticket, work: asyncio.Future[Any]) -> None:
        """Cancel `work` when the process dies that has this request, until it has ended."""
        self._in_hand[work] = ticket

    def ended(self, ticket: Ticket, work: asyncio.Future[Any], error: BaseException | None) -> None:
        """The work has ended; if with its process, that is found hereby."""
        self._in_hand.pop(work, None)
        if isinstance(error, BackendDied):
            model = dead_model(error.instance, ticket.needs)
            if model is not None and ticket.granted_at is not None:
                self.found(model, ticket.granted_at, "a request failed with it")

    # -- found ------------------------------------------------------------------------------

    def found(self, model: str, seen_at: float, how: str) -> None:
        """A model's process is dead or stopped; `seen_at`: when that copy of it was there."""
        if not self._stage.broke(model, seen_at, self._clock.now()):
            return
        logger.warning("The process of model %s is dead or stopped (%s)", model, how)
        # A cancelled work ends only after this, so `_in_hand` does not change meanwhile.
        for work, ticket in self._in_hand.items():
            # An ensemble's request may have passed a step already; the last one it has not.
            if model in ticket.needs[-2:]:
                work.cancel()
        self._act(())

    def _process_ended(self, model: str) -> None:
        with self._background.guarded(f"Healing model {model}"):
            self.found(model, self._clock.now(), "it has ended")

    def look_after(self, model: str) -> None:
        """Watch a model that has been loaded by somebody else, and see how it is."""
        self._background.run(f"Watching model {model}", self._watch(model))
        if self._stage.models[model].controllable:
            self._background.run(f"The probe of model {model}", self.probe(model))

    async def _watch(self, model: str) -> None:
        await self._processes.watch(model)

    async def after(self, begin: Begin, ended: TransitionEnd) -> None:
        """Ask a model whose transition failed and that did not say where it is."""
        unclear = ended.error is not None and ended.reported is None
        if unclear and _can_be_asked(self._stage.models[begin.model]):
            await self.probe(begin.model)

    # -- the probe --------------------------------------------------------------------------

    def begin_probing(self, interval: float) -> None:
        """Probe all models every `interval` seconds from now on; 0: never."""
        if interval:
            due = self._clock.now() + interval
            self._timer = self._clock.call_at(due, lambda: self._probe_all(interval))

    def _probe_all(self, interval: float) -> None:
        self.begin_probing(interval)
        for name, entry in self._stage.models.items():
            if name not in self._probing and _can_be_asked(entry):
                self._background.run(f"The probe of model {name}", self.probe(name))

    async def probe(self, model: str) -> None:
        """Ask a model for its report; its state is corrected by it."""
        asked_at = self._clock.now()
        self._probing.add(model)
        try:
            report = await self._transitions.ask_report(model)
        except BackendDied:
            self.found(model, asked_at, "it does not report")
        except ServerDown:
            pass
        except GreenroomError as error:
            logger.warning("Model %s does not report: %s", model, error)
        else:
            self._stage.reported(model, report)
            if report.residency in _RESTING:
                self._stage.observed(model, Residency(report.residency))
                self._act(())
        finally:
            self._probing.discard(model)

    # -- the end ----------------------------------------------------------------------------

    def forget(self) -> None:
        """Triton is gone and every model's process with it."""
        self._processes.close()

    def close(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._processes.close()


def _can_be_asked(entry: Model) -> bool:
    """A busy model would answer late, which is no sign of death."""
    rests = entry.residency in _RESTING and not entry.failure.broken
    return rests and entry.controllable and not entry.demand.leases
