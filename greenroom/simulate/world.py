"""What is simulated: models with their policies and costs, memory, an order of eviction."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from greenroom.residency.eviction_order import ORDERS, Order, least_recently_used
from greenroom.residency.policy import Policy
from greenroom.simulate.costs import Costs


@dataclass(frozen=True)
class SimulatedModel:
    """One model as it comes, goes and works; `steps` is what an ensemble is wired from."""

    name: str
    policy: Policy = field(default_factory=Policy)
    costs: Costs = field(default_factory=Costs)
    controllable: bool = True
    steps: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        """What it holds on the GPU when it is hot."""
        return 0 if self.steps else self.costs.bytes + self.costs.overhead

    @property
    def host_bytes(self) -> int:
        """The copy of its weights that stays while it is warm."""
        return self.costs.bytes if self.controllable and not self.steps else 0


@dataclass(frozen=True)
class World:
    """One machine with one GPU, or each of many.

    ``memory`` are the bytes that the models may hold there together, 0 for no limit;
    ``patience`` is GREENROOM_MAX_OVERTAKEN. Models that ``models`` does not name are as
    ``others`` says.
    """

    models: Mapping[str, SimulatedModel] = field(default_factory=dict)
    others: Callable[[str], SimulatedModel] = SimulatedModel
    memory: int = 0
    patience: float = 10.0
    order: Order = least_recently_used
    slots: int = 0
    """Requests that a machine works on at one time; 0: as many as each of its models does."""

    def model(self, name: str) -> SimulatedModel:
        return self.models.get(name) or self.others(name)

    def ordered(self, eviction: str) -> "World":
        """With another order of eviction; one that is no setting of a service is set elsewhere."""
        return replace(self, order=ORDERS.get(eviction, self.order))

    def with_policies(self, **fields: float) -> "World":
        """With these fields in the policies of all models that are not pinned."""

        def changed(model: SimulatedModel) -> SimulatedModel:
            if model.policy.pinned:
                return model
            return replace(model, policy=model.policy.model_copy(update=fields))

        return replace(
            self,
            models={name: changed(model) for name, model in self.models.items()},
            others=lambda name: changed(self.others(name)),
        )
