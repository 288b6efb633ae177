"""Chooses the transition that a model should begin: by hand, because wanted, or idle."""

from collections.abc import Iterator, Mapping

from greenroom.residency.effects import Begin
from greenroom.residency.idle import idle_action
from greenroom.residency.model import Model, Verb
from greenroom.residency.sentences import begin_reason
from greenroom.residency.states import TAKES_AWAY, Action, Residency, way_to
from greenroom.residency.waiting import Waiting

_NOT_LOADED = frozenset({Residency.COLD, Residency.LOADING, Residency.UNLOADING})


class NextStep:
    """Reads the stage's models and its queue; changes nothing."""

    def __init__(self, models: Mapping[str, Model], waiting: Waiting) -> None:
        self._models = models
        self._waiting = waiting

    def of(self, entry: Model, now: float) -> Begin | None:
        """Return the transition that `entry` should begin, None to leave it where it is.

        Manual actions come first, then who wants it hot, then the idle clock.
        """
        if entry.moving:
            return None
        if entry.verbs and (begin := self._by_hand(entry, entry.verbs[0])) is not None:
            return begin
        if self._wanted(entry):
            action = way_to(Residency.HOT, entry.residency)
            if action is None or now < entry.retry_at or not self._steps_loaded(entry):
                return None
            return Begin(entry.name, action, begin_reason(entry))
        idle = idle_action(entry)
        if idle is not None and now >= idle[0] and not self._ensemble_comes(entry):
            return Begin(entry.name, idle[1], "idle")
        return None

    def _by_hand(self, entry: Model, verb: Verb) -> Begin | None:
        action = way_to(verb.target, entry.residency)
        if action is None or (action is Action.LOAD and not self._steps_loaded(entry)):
            return None
        if action in TAKES_AWAY and (
            entry.leases or self._asked_before(entry, verb) or self._ensemble_loads(entry)
        ):
            return None
        return Begin(entry.name, action, "manual")

    def _wanted(self, entry: Model) -> bool:
        """Whether somebody needs it hot: a request, its configuration, an ensemble."""
        if entry.residency is Residency.HOT:
            return False
        pinned = entry.policy.pinned and not entry.by_hand
        return entry.waiting > 0 or pinned or self._ensemble_comes(entry)

    def _asked_before(self, entry: Model, verb: Verb) -> bool:
        return any(ticket.order < verb.order for ticket in self._waiting.needing(entry.name))

    def _steps_loaded(self, entry: Model) -> bool:
        """Loading an ensemble would make Triton load its missing steps by itself."""
        return all(self._models[step].residency not in _NOT_LOADED for step in entry.steps)

    def _ensemble_comes(self, step: Model) -> bool:
        """Whether an ensemble of this step loads, or waits for its steps to be there."""
        return any(
            ensemble.residency is Residency.LOADING
            or (ensemble.residency is Residency.COLD and self._load_is_due(ensemble))
            for ensemble in self._ensembles_of(step)
        )

    def _load_is_due(self, ensemble: Model) -> bool:
        by_hand = any(verb.action is Action.LOAD for verb in ensemble.verbs)
        return by_hand or self._wanted(ensemble)

    def _ensemble_loads(self, step: Model) -> bool:
        return any(e.residency is Residency.LOADING for e in self._ensembles_of(step))

    def _ensembles_of(self, step: Model) -> Iterator[Model]:
        return (entry for entry in self._models.values() if step.name in entry.steps)
