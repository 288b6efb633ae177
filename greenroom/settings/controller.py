"""When models come and go, and how much memory they may hold."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from greenroom.residency.eviction_order import ORDERS
from greenroom.residency.policy import Policy
from greenroom.settings.environment import EnvironmentSettings

if TYPE_CHECKING:
    EvictionName = str
else:
    EvictionName = Literal[*ORDERS]


class ControllerSettings(EnvironmentSettings):
    """Read by the controller."""

    policy: dict[str, Policy] = Field(
        {},
        description="Policies by model name, as a JSON object. Its fields take precedence over "
        "those in the model's config.pbtxt.",
    )
    load_timeout: float = Field(
        600.0, gt=0, description="Seconds that a load may take before its process is killed."
    )
    control_timeout: float = Field(
        60.0, gt=0, description="Seconds that an offload, restore or unload may take."
    )
    probe_interval: float = Field(
        30.0,
        ge=0,
        description="Seconds between checks that the process of an idle model still answers. 0 "
        "disables them.",
    )
    gpu_budget_bytes: int = Field(
        0,
        ge=0,
        description="Bytes of GPU memory that all models may hold together, as they report it. 0 "
        "means that only the free memory limits them.",
    )
    gpu_reserve_bytes: int = Field(
        512 * 2**20,
        ge=0,
        description="Bytes of GPU memory that must stay free when a model is loaded or restored.",
    )
    gpu_activation_bytes: int = Field(
        2**30,
        ge=0,
        description="Bytes added to 1.2 times the size of a model's weights, as an estimate of "
        "the GPU memory that it needs until this has been measured.",
    )
    max_overtaken: float = Field(
        10.0,
        ge=0,
        description="Seconds for which requests for loaded models may overtake a request that "
        "waits for memory. 0 disables overtaking.",
    )
    eviction: EvictionName = Field(
        "lru",
        description="Order in which idle models make room for others. lru: the least recently "
        "used first. gdsf: first the one that is cheapest to bring back for the memory it frees, "
        "by its number of requests and the seconds of a restore.",
    )

    def policy_of(self, model: str, configured: Policy) -> Policy:
        """What its config says, with this service's changes."""
        given = self.policy.get(model, Policy())
        changes = {name: getattr(given, name) for name in given.model_fields_set}
        return configured.model_copy(update=changes)
