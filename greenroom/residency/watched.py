"""The models, and which of them need a look: kept from event to event.

A decision looks at these alone, so it costs by what has happened and not by how many models
there are. Whoever changes a model says so here, at once.
"""

from collections.abc import Iterable, Iterator

from greenroom.residency.deadlines import Deadlines
from greenroom.residency.idle import idle_action
from greenroom.residency.model import Model
from greenroom.residency.states import Residency


class Watched:
    """All models by name, and sets of the names of those that something is to be done about."""

    def __init__(self) -> None:
        self.models: dict[str, Model] = {}
        self.broken: set[str] = set()
        self.coming_back: set[str] = set()
        self.with_actions: set[str] = set()
        """Models with manual actions that somebody waits for."""
        self.pinned: set[str] = set()
        self.missing: set[str] = set()
        """Pinned models that are not hot and were not taken away by hand."""
        self.loading: set[str] = set()
        self.idle: Deadlines[str] = Deadlines()
        """When the policy does something to a model."""
        self.retries: Deadlines[str] = Deadlines()
        """When the back-off after a failure ends."""
        self.marked: set[str] = set()
        """Models that the last admission made give way, or found short of memory."""
        self._on_stage: dict[str, Model] = {}
        self._places: dict[str, int] = {}

    def add(self, entry: Model) -> None:
        """Watch a model; one that is watched already has changed."""
        self._places.setdefault(entry.name, len(self._places))
        self.models[entry.name] = entry
        self.changed(entry)

    def used(self, name: str) -> None:
        """Somebody has asked for a model, has left, was given a lease or has ended one."""
        entry = self.models[name]
        idle = idle_action(entry)
        self.idle.set(name, idle[0] if idle else None)
        missing = entry.policy.pinned and entry.residency is not Residency.HOT
        _keep(self.missing, name, missing and not entry.by_hand)

    def changed(self, entry: Model) -> None:
        """Anything of a model may have changed."""
        name = entry.name
        self.used(name)
        self.retries.set(name, entry.failure.retry_at or None)
        _keep(self.broken, name, entry.failure.broken)
        _keep(self.coming_back, name, entry.failure.comes_back)
        _keep(self.with_actions, name, bool(entry.demand.manual_actions))
        _keep(self.pinned, name, entry.policy.pinned)
        _keep(self.loading, name, entry.residency is Residency.LOADING)
        if entry.residency is Residency.COLD:
            self._on_stage.pop(name, None)
        else:
            self._on_stage.setdefault(name, entry)

    def idle_from(self, entry: Model, now: float) -> None:
        """Start a model's idle clock; of all that are not cold it is to go last."""
        entry.demand.idle_since = now
        if self._on_stage.pop(entry.name, None) is not None:
            self._on_stage[entry.name] = entry
        self.used(entry.name)

    def on_stage(self) -> Iterable[Model]:
        """Models that are not cold, by the start of their idle clock."""
        return self._on_stage.values()

    def ordered(self, names: Iterable[str]) -> list[Model]:
        """In the order in which they were added."""
        return [self.models[name] for name in sorted(names, key=self._places.__getitem__)]

    def ensemble_loads(self, step: Model) -> bool:
        """An ensemble that needs this step is being loaded."""
        return any(step.name in self.models[name].steps for name in self.loading)

    def steps_of_loading(self) -> Iterator[str]:
        """The steps of the ensembles that are being loaded."""
        for name in self.loading:
            yield from self.models[name].steps


def _keep(names: set[str], name: str, belongs: bool) -> None:
    if belongs:
        names.add(name)
    else:
        names.discard(name)
