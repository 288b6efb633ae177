"""The transitions that run: how they begin, and what their end does to models and to who waits."""

from collections.abc import Iterator, Mapping

from greenroom.errors import GreenroomError, OutOfMemory, ServerDown, TransitionFailed
from greenroom.residency.backoff import back_off
from greenroom.residency.budget import Budget
from greenroom.residency.effects import EVICT, READ_BACK, Answered, Begin, Effect, Refused
from greenroom.residency.manual_actions import failed_actions
from greenroom.residency.model import Model
from greenroom.residency.model_index import ModelIndex
from greenroom.residency.states import TAKES_AWAY, TRANSITIONS, Action, Residency
from greenroom.residency.wait_queue import WaitQueue

_BECOMES_HOT = frozenset({Residency.LOADING, Residency.RESTORING, Residency.HOT})


class Running:
    """Writes the residency of models: nobody else does, but for what a report corrects."""

    def __init__(self, index: ModelIndex, waiting: WaitQueue, budget: Budget) -> None:
        self._index = index
        self._models = index.models
        self._waiting = waiting
        self._budget = budget
        self._running: dict[str, tuple[Begin, float]] = {}

    def begin(self, begin: Begin, now: float) -> Begin:
        entry = self._models[begin.model]
        self._budget.begin(entry, begin.action)
        if begin.reason == EVICT:
            self._index.evicted(entry)
        entry.came_from = entry.residency
        entry.residency = TRANSITIONS[begin.action].during
        self._running[entry.name] = begin, now
        self.moved(entry)
        return begin

    def finished(
        self,
        begun: Begin,
        now: float,
        error: GreenroomError | None = None,
        reported: Residency | None = None,
    ) -> list[Effect]:
        """Record the end of a transition; on failure answer everyone who waited for it.

        `reported` is the state that the model itself has told of after a failure, if it has.
        A model that broke meanwhile heals first: who waits for it goes on waiting.
        """
        running, began_at = self._running.get(begun.model, (None, now))
        if running is not begun:
            return []  # Triton went away meanwhile: what this transition did is gone with it
        del self._running[begun.model]
        entry, action = self._models[begun.model], begun.action
        self._budget.end(entry.name, now)
        if action is Action.LOAD:
            entry.failure.comes_back = False
        effects: list[Effect] = []
        if error is None:
            entry.seconds[action] = now - began_at
            self._succeeded(entry, action, now)
        else:
            entry.residency = reported or entry.came_from
            if not entry.failure.broken or action is Action.UNLOAD:
                effects = self._failed(entry, action, now, error)
        self.moved(entry)
        return effects

    def server_lost(self) -> list[Effect]:
        """Triton is gone and every model with it. Requests wait for it, manual actions fail."""
        self._running.clear()
        self._budget.forget()
        gone = ServerDown("Triton stopped before the action was done.")
        effects: list[Effect] = []
        for entry in self._models.values():
            if entry.residency in _BECOMES_HOT:
                entry.demand.last_manual = 0  # what was taken off stage by hand stays off, no more
            entry.residency = Residency.COLD
            entry.failure.broken = entry.failure.comes_back = entry.memory.awaits_memory = False
            entry.memory.expect(Residency.COLD)
            effects += [Answered(manual, gone) for manual in entry.demand.manual_actions]
            entry.demand.manual_actions.clear()
            self.moved(entry)
        return effects

    def server_back(self, states: Mapping[str, Residency], now: float) -> list[Effect]:
        """Triton can be asked again; `states` are those read from it (absent: cold).

        What it is loading or unloading goes on as a transition like any other; an ensemble
        that moves counts as cold, since to load it again takes no time. What failed in the one
        before holds nothing back.
        """
        effects: list[Effect] = []
        for entry in self._models.values():
            entry.residency = states.get(entry.name, Residency.COLD)
            if entry.moving and entry.steps:
                entry.residency = Residency.COLD
            loads, moves = entry.residency is Residency.LOADING, entry.moving
            if moves:
                entry.residency = Residency.COLD if loads else Residency.HOT
            entry.memory.expect(entry.residency)
            entry.came_at = now
            entry.failure.failures, entry.failure.retry_at = 0, 0.0
            self.moved(entry)
            self._index.idle_from(entry, now)
            if moves:
                action = Action.LOAD if loads else Action.UNLOAD
                effects.append(self.begin(Begin(entry.name, action, READ_BACK), now))
        return effects

    def moved(self, entry: Model) -> None:
        """A model's residency or what it holds may have changed."""
        self._index.changed(entry)
        self._budget.changed(entry)

    def _succeeded(self, entry: Model, action: Action, now: float) -> None:
        entry.residency = TRANSITIONS[action].end
        entry.memory.expect(entry.residency)
        if action is Action.UNLOAD:
            entry.failure.broken = False
        if action is Action.LOAD:
            entry.came_at = now
        if not (entry.failure.broken or entry.failure.comes_back):
            entry.failure.failures, entry.failure.retry_at, entry.failure.last_error = 0, 0.0, None
        if action not in TAKES_AWAY:
            self._index.idle_from(entry, now)

    def _failed(
        self, entry: Model, action: Action, now: float, error: GreenroomError
    ) -> list[Effect]:
        if action not in TAKES_AWAY and isinstance(error, OutOfMemory):
            entry.memory.lacked_memory()
        entry.failure.last_error = str(error)
        entry.failure.failures += 1
        entry.failure.retry_at = now + back_off(entry.failure.failures)
        return [
            *failed_actions(entry, TRANSITIONS[action].end, error),
            *self._fail_waiters(entry, action, error),
        ]

    def _fail_waiters(
        self, entry: Model, action: Action, error: GreenroomError
    ) -> Iterator[Effect]:
        if action in TAKES_AWAY:
            return
        for ticket in self._waiting.needing(entry.name):
            self._waiting.remove(ticket)
            refusal = TransitionFailed(f"The {action} of model {entry.name} failed: {error}")
            yield Refused(ticket, refusal)
