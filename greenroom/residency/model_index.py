"""The models, and which of them need a look: kept from event to event.

A decision looks at these alone, so it costs by what has happened and not by how many models
there are. Whoever changes a model says so here, at once.
"""

from collections.abc import Collection, Iterator

from greenroom.residency.deadlines import Deadlines
from greenroom.residency.eviction_order import Order, least_recently_used
from greenroom.residency.idle_policy import idle_action
from greenroom.residency.model import Model
from greenroom.residency.ranking import Ranking
from greenroom.residency.states import Residency


class ModelIndex:
    """All models by name, and sets of the names of those that something is to be done about."""

    def __init__(self, order: Order = least_recently_used) -> None:
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
        self.touched: set[str] = set()
        """Models of which something has changed since the last decision began."""
        self._order = order
        self._floor = 0.0
        self._ranking = Ranking()
        self._on_stage: dict[str, Model] = {}
        self._places: dict[str, int] = {}

    def add(self, entry: Model) -> None:
        """Watch a model; one that is watched already has changed."""
        self._places.setdefault(entry.name, len(self._places))
        self.models[entry.name] = entry
        self.changed(entry)

    def used(self, name: str) -> None:
        """Somebody has asked for a model, has left, was given a lease or has ended one."""
        self.touched.add(name)
        entry = self.models[name]
        idle = idle_action(entry)
        self.idle.set(name, idle[0] if idle else None)
        if entry.policy.pinned and entry.residency is not Residency.HOT and not entry.by_hand:
            self.missing.add(name)
        else:
            self.missing.discard(name)
        if entry.memory.held and not (entry.demand.leases or entry.moving or entry.steps):
            self._ranking.put(name, self._order(entry), entry.demand.last_use)
        else:
            self._ranking.drop(name)

    def requested(self, entry: Model, order: int) -> None:
        """Somebody asks for a model, as the one of this number, and will now wait or hold it."""
        entry.demand.last_use = order
        entry.demand.uses += 1
        entry.demand.floor = self._floor

    def evicted(self, entry: Model) -> None:
        """A model is about to make room."""
        self._floor = max(self._floor, self._order(entry))

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
        """Start a model's idle clock."""
        entry.demand.idle_since = now
        self.used(entry.name)

    def by_eviction(self) -> Iterator[Model]:
        """Those that nobody holds and that hold memory, in the order in which they go."""
        return (self.models[name] for name in self._ranking)

    def in_use(self) -> list[Model]:
        """Those that somebody holds, in the order in which they go.

        A model that gives way already comes first, so that the choice does not change with
        every request for it.
        """
        return sorted(
            (entry for entry in self._on_stage.values() if entry.demand.leases),
            key=lambda e: (e.memory.gives_way_to is None, self._order(e), e.demand.last_use),
        )

    def ordered(self, names: Collection[str]) -> list[Model]:
        """In the order in which they were added."""
        if not names:
            return []
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
