"""Chooses the transitions that should begin: what is broken, by hand, because wanted, or idle."""

from collections.abc import Iterator, Set

from greenroom.residency.admission import Admission
from greenroom.residency.budget import Budget
from greenroom.residency.claims import Denied, claims
from greenroom.residency.effects import HEAL, Begin, Measure
from greenroom.residency.idle_policy import idle_action
from greenroom.residency.model import Model
from greenroom.residency.model_index import ModelIndex
from greenroom.residency.states import TAKES_AWAY, Action, way_to
from greenroom.residency.wait_queue import WaitQueue


class NextStep:
    """Reads the stage's models and its queue.

    Whoever iterates carries each transition out before taking the next: what is chosen
    then knows of it.
    """

    def __init__(
        self, index: ModelIndex, waiting: WaitQueue, budget: Budget, patience: float
    ) -> None:
        self._index = index
        self._waiting = waiting
        self._budget = budget
        self._patience = patience

    def all(self, now: float, touched: Set[str]) -> Iterator[Begin | Denied | Measure]:
        """What should begin, the most urgent first; `touched` as `ModelIndex` has it."""
        index = self._index
        if index.broken:
            yield from self._broken(now)
        if index.with_actions:
            yield from self._taken_by_hand()
        if not self._claims_changed(now, touched):
            return
        wanted = claims(index, self._waiting)
        admission = Admission(index, self._budget, self._patience, now)
        for claim in wanted:
            yield from admission.of(claim)
        yield from admission.end()
        if due := index.idle.due(now):
            needed = {name for claim in wanted for name in claim.needs}
            yield from self._idle(now, due - needed)

    def _claims_changed(self, now: float, touched: Set[str]) -> bool:
        """Whether a pass over all claims could find more than the last one did.

        While nobody waits for memory, a claim waits for its own models alone: until they have
        moved, or their back-off is over. So a request for a hot model costs the same however
        many others are awaited.
        """
        index = self._index
        return bool(
            self._budget.awaited
            or index.marked
            or index.with_actions
            or index.missing
            or index.coming_back
            or index.idle.due(now)
            or self._waiting.awaited(touched)
            or self._waiting.awaited(index.retries.due(now))
            or self._budget.over > 0
        )

    def _broken(self, now: float) -> Iterator[Begin]:
        """What is broken goes, whoever holds it."""
        for entry in self._index.ordered(self._index.broken):
            due = not entry.moving and now >= entry.failure.retry_at
            if due and not self._index.ensemble_loads(entry):
                yield Begin(entry.name, Action.UNLOAD, HEAL)

    def _taken_by_hand(self) -> Iterator[Begin]:
        for entry in self._index.ordered(self._index.with_actions):
            manual = entry.demand.manual_actions[0]
            action = way_to(manual.target, entry.residency) if _rests(entry) else None
            if action not in TAKES_AWAY or entry.demand.leases:
                continue
            first = self._waiting.first_needing(entry.name)
            asked_before = first is not None and first < manual.order
            if not asked_before and not self._index.ensemble_loads(entry):
                yield Begin(entry.name, action, "manual")

    def _idle(self, now: float, due: Set[str]) -> Iterator[Begin]:
        for entry in self._index.ordered(due):
            idle = idle_action(entry)
            if idle and _rests(entry) and not self._index.ensemble_loads(entry):
                yield Begin(entry.name, idle[1], "idle")

    def due(self, now: float) -> float | None:
        """When time alone changes what should happen, None if it never does."""
        due = [
            self._waiting.next_deadline(now),
            self._index.retries.next(now),
            self._index.idle.next(now),
            *(self._due_for_memory() if self._budget.awaited else ()),
        ]
        return min((at for at in due if at is not None and at > now), default=None)

    def _due_for_memory(self) -> Iterator[float | None]:
        yield self._budget.look_at
        for ticket in self._waiting.firsts():
            yield ticket.asked_at + self._patience
        for name in self._index.with_actions:
            manual = self._index.models[name].demand.manual_actions[0]
            yield from (manual.asked_at + self._patience, manual.deadline)


def _rests(entry: Model) -> bool:
    return not (entry.moving or entry.failure.broken)
