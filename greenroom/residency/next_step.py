"""Chooses the transitions that should begin: what is broken, by hand, because wanted, or idle."""

from collections.abc import Iterator, Set

from greenroom.residency.admission import Admission
from greenroom.residency.budget import Budget
from greenroom.residency.claims import Denied, claims
from greenroom.residency.effects import HEAL, Begin, Measure
from greenroom.residency.idle import idle_action
from greenroom.residency.model import Model
from greenroom.residency.states import TAKES_AWAY, Action, way_to
from greenroom.residency.wait_queue import WaitQueue
from greenroom.residency.watched import Watched


class NextStep:
    """Reads the stage's models and its queue.

    Whoever iterates carries each transition out before taking the next: what is chosen
    then knows of it.
    """

    def __init__(
        self, watched: Watched, waiting: WaitQueue, budget: Budget, patience: float
    ) -> None:
        self._watched = watched
        self._waiting = waiting
        self._budget = budget
        self._patience = patience

    def all(self, now: float, touched: Set[str]) -> Iterator[Begin | Denied | Measure]:
        """What should begin, the most urgent first; `touched` as `Watched` has it."""
        watched = self._watched
        if watched.broken:
            yield from self._broken(now)
        if watched.with_actions:
            yield from self._taken_by_hand()
        if not self._claims_changed(now, touched):
            return
        wanted = claims(watched, self._waiting)
        admission = Admission(watched, self._budget, self._patience, now)
        for claim in wanted:
            yield from admission.of(claim)
        yield from admission.end()
        if due := watched.idle.due(now):
            needed = {name for claim in wanted for name in claim.needs}
            yield from self._idle(now, due - needed)

    def _claims_changed(self, now: float, touched: Set[str]) -> bool:
        """Whether a pass over all claims could find more than the last one did.

        While nobody waits for memory, a claim waits for its own models alone: until they have
        moved, or their back-off is over. So a request for a hot model costs the same however
        many others are awaited.
        """
        watched = self._watched
        return bool(
            self._budget.awaited
            or watched.marked
            or watched.with_actions
            or watched.missing
            or watched.coming_back
            or watched.idle.due(now)
            or self._waiting.awaited(touched)
            or self._waiting.awaited(watched.retries.due(now))
            or self._budget.over > 0
        )

    def _broken(self, now: float) -> Iterator[Begin]:
        """What is broken goes, whoever holds it."""
        for entry in self._watched.ordered(self._watched.broken):
            due = not entry.moving and now >= entry.failure.retry_at
            if due and not self._watched.ensemble_loads(entry):
                yield Begin(entry.name, Action.UNLOAD, HEAL)

    def _taken_by_hand(self) -> Iterator[Begin]:
        for entry in self._watched.ordered(self._watched.with_actions):
            manual = entry.demand.manual_actions[0]
            action = way_to(manual.target, entry.residency) if _rests(entry) else None
            if action not in TAKES_AWAY or entry.demand.leases:
                continue
            first = self._waiting.first_needing(entry.name)
            asked_before = first is not None and first < manual.order
            if not asked_before and not self._watched.ensemble_loads(entry):
                yield Begin(entry.name, action, "manual")

    def _idle(self, now: float, due: Set[str]) -> Iterator[Begin]:
        for entry in self._watched.ordered(due):
            idle = idle_action(entry)
            if idle and _rests(entry) and not self._watched.ensemble_loads(entry):
                yield Begin(entry.name, idle[1], "idle")

    def due(self, now: float) -> float | None:
        """When time alone changes what should happen, None if it never does."""
        due = [
            self._waiting.next_deadline(now),
            self._watched.retries.next(now),
            self._watched.idle.next(now),
            *(self._due_for_memory() if self._budget.awaited else ()),
        ]
        return min((at for at in due if at is not None and at > now), default=None)

    def _due_for_memory(self) -> Iterator[float | None]:
        yield self._budget.look_at
        for ticket in self._waiting.firsts():
            yield ticket.asked_at + self._patience
        for name in self._watched.with_actions:
            manual = self._watched.models[name].demand.manual_actions[0]
            yield from (manual.asked_at + self._patience, manual.deadline)


def _rests(entry: Model) -> bool:
    return not (entry.moving or entry.failure.broken)
