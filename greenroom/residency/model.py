"""What is known of one model, of one waiting request and of one manual action."""

from collections.abc import Collection
from dataclasses import dataclass, field

from greenroom.residency.footprint import Footprint
from greenroom.residency.policy import Policy
from greenroom.residency.states import MOVING, TAKES_AWAY, TRANSITIONS, Action, Residency


@dataclass(eq=False)
class Ticket:
    """One request's place in the queue and, once granted, its lease.

    ``start`` is the coldest state among its models when it asked.
    """

    model: str
    needs: tuple[str, ...]
    asked_at: float
    deadline: float
    start: Residency
    order: int = 0
    key: str = ""
    """The API key that asks; empty where it has all places for itself."""
    granted_at: float | None = None


@dataclass(eq=False)
class ManualAction:
    """A manual action that somebody waits for; callers of the same action share one.

    ``order`` counts tickets and manual actions together: who asked first goes first.
    ``deadline`` ends its wait for memory, and only that.
    """

    model: str
    action: Action
    order: int
    asked_at: float
    deadline: float

    @property
    def target(self) -> Residency:
        """The state in which this action is fulfilled."""
        return TRANSITIONS[self.action].end


@dataclass
class Demand:
    """Who wants a model: written where somebody asks, leaves, or ends a lease."""

    leases: int = 0
    waiting: int = 0
    idle_since: float = 0.0
    last_use: int = 0
    """When it was last requested, in the stage's order of all that is asked for."""
    uses: int = 0
    """Requests for it, ever."""
    floor: float = 0.0
    """What the order of eviction gave to those evicted before its last request, at most."""
    last_manual: int = 0
    """When the last manual action that was fulfilled was asked for, in the same order."""
    manual_actions: list[ManualAction] = field(default_factory=list)


@dataclass
class Failure:
    """What went wrong with a model, and until when that holds it back."""

    failures: int = 0
    """Transitions that have failed in a row."""
    retry_at: float = 0.0
    """When the back-off after the last failure ends."""
    last_error: str | None = None
    broken: bool = False
    """Its process is dead or stopped: it serves nobody until it was unloaded."""
    comes_back: bool = False
    """It has broken and is to be loaded again, whether or not somebody waits."""
    breaks: int = 0
    """How often it has broken since it was last asked for, beyond the first time."""
    broke_at_use: int = -1
    """What ``last_use`` was when it broke last."""


@dataclass
class Model:
    """One model on the stage: how it is configured, where it is, and parts by who writes them.

    ``steps`` are the models that an ensemble is wired from: it can be loaded only while they
    are, and has no weights of its own. ``controllable`` models take the RESIDENCY input and so
    can be offloaded and restored; others only come and go as a whole.

    ``residency``, ``came_from`` and ``came_at`` (when the copy that is there was loaded) are
    written by the transitions that run, and by what a report corrects.
    """

    name: str
    policy: Policy
    controllable: bool = True
    steps: tuple[str, ...] = ()
    residency: Residency = Residency.COLD
    came_from: Residency = Residency.COLD
    came_at: float = 0.0
    demand: Demand = field(default_factory=Demand)
    failure: Failure = field(default_factory=Failure)
    memory: Footprint = field(default_factory=Footprint)
    seconds: dict[Action, float] = field(default_factory=dict)
    """How long each transition took when it was done last."""

    @property
    def moving(self) -> bool:
        return self.residency in MOVING

    @property
    def by_hand(self) -> bool:
        """Policy keeps its hands off: the last thing asked for was a manual action."""
        return self.demand.last_manual > self.demand.last_use

    @property
    def stays(self) -> bool:
        """Its memory is not to be had: it is pinned and was not taken away by hand."""
        return self.policy.pinned and not (self.by_hand and self.residency in _AWAY)

    @property
    def idle(self) -> bool:
        """Nobody holds or awaits it. Manual actions are not use."""
        return self.demand.leases == 0 and self.demand.waiting == 0

    def serves(self, ticket: Ticket) -> bool:
        """`ticket` may have its lease now.

        A restoring model counts if the request visits another one first: then the restore is
        in the model's queue before it. A request that goes straight there could overtake the
        restore, which would wait behind it and count its work as its own. A manual
        offload or unload that was asked for earlier drains the model: the ticket waits. So
        does an earlier request that has waited too long for this model's memory.
        """
        comes = self.residency is Residency.RESTORING and self.name != ticket.needs[0]
        if self.failure.broken or not (comes or self.residency is Residency.HOT):
            return False
        if self.memory.gives_way_to is not None and self.memory.gives_way_to < ticket.order:
            return False
        return not any(
            v.action in TAKES_AWAY and v.order < ticket.order for v in self.demand.manual_actions
        )


_AWAY = frozenset(
    {Residency.COLD, Residency.WARM, Residency.OFFLOADING, Residency.UNLOADING},
)


def coldest(models: Collection[Model]) -> Residency:
    """Cold, warm or hot: the most distant start among `models`."""
    states = {Residency.COLD if model.failure.broken else model.residency for model in models}
    if states & {Residency.COLD, Residency.LOADING, Residency.UNLOADING}:
        return Residency.COLD
    if states & {Residency.WARM, Residency.OFFLOADING, Residency.RESTORING}:
        return Residency.WARM
    return Residency.HOT
