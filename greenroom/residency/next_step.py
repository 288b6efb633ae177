"""Chooses the transitions that should begin: by hand, because wanted, or idle."""

from collections.abc import Iterator, Mapping

from greenroom.residency.admission import Admission
from greenroom.residency.budget import Budget
from greenroom.residency.claims import Denied, claims
from greenroom.residency.effects import HEAL, Begin, Measure
from greenroom.residency.idle import idle_action
from greenroom.residency.model import Model, Verb
from greenroom.residency.states import TAKES_AWAY, Action, Residency, way_to
from greenroom.residency.wait_queue import Waiting


class NextStep:
    """Reads the stage's models and its queue.

    Whoever iterates carries each transition out before taking the next: what is chosen
    then knows of it.
    """

    def __init__(
        self, models: Mapping[str, Model], waiting: Waiting, budget: Budget, patience: float
    ) -> None:
        self._models = models
        self._waiting = waiting
        self._budget = budget
        self._patience = patience

    def all(self, now: float) -> Iterator[Begin | Denied | Measure]:
        """Yield what should begin: manual actions first, then what is wanted hot, then idle.

        Before all of them what is broken goes, whoever holds it.
        """
        for entry in self._models.values():
            due = entry.broken and not entry.moving and now >= entry.retry_at
            if due and not self._ensemble_loads(entry):
                yield Begin(entry.name, Action.UNLOAD, HEAL)
        for entry in self._resting():
            if (begin := self._taken_by_hand(entry)) is not None:
                yield begin
        wanted = claims(self._models, self._waiting)
        admission = Admission(self._models, self._budget, self._patience, now)
        for claim in wanted:
            yield from admission.of(claim)
        yield from admission.end()
        comes = {name for claim in wanted for name in claim.needs}
        for entry in self._resting():
            idle = idle_action(entry)
            if idle is None or now < idle[0] or entry.name in comes:
                continue
            if not self._ensemble_loads(entry):
                yield Begin(entry.name, idle[1], "idle")

    def _taken_by_hand(self, entry: Model) -> Begin | None:
        verb = entry.verbs[0] if entry.verbs else None
        action = way_to(verb.target, entry.residency) if verb else None
        if verb is None or action not in TAKES_AWAY:
            return None
        if entry.leases or self._asked_before(entry, verb) or self._ensemble_loads(entry):
            return None
        return Begin(entry.name, action, "manual")

    def _asked_before(self, entry: Model, verb: Verb) -> bool:
        return any(ticket.order < verb.order for ticket in self._waiting.needing(entry.name))

    def _ensemble_loads(self, step: Model) -> bool:
        return any(
            entry.residency is Residency.LOADING and step.name in entry.steps
            for entry in self._models.values()
        )

    def _resting(self) -> Iterator[Model]:
        return (entry for entry in self._models.values() if not (entry.moving or entry.broken))
