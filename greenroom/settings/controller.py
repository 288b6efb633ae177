"""When models come and go, and how much memory they may hold."""

from pydantic import Field

from greenroom.residency.policy import Policy
from greenroom.settings.environment import EnvironmentSettings


class ControllerSettings(EnvironmentSettings):
    """Read by the controller."""

    policy: dict[str, Policy] = Field(
        {},
        description="JSON object, model name to the fields of its policy that differ from those in "
        "the model's config.pbtxt",
    )
    load_timeout: float = Field(
        600.0, gt=0, description="seconds a load may take before its process is killed"
    )
    control_timeout: float = Field(
        60.0, gt=0, description="seconds an offload, restore or unload may take"
    )
    probe_interval: float = Field(
        30.0,
        ge=0,
        description="seconds between looks whether an idle model's process still answers; 0 none",
    )
    gpu_budget_bytes: int = Field(
        0,
        ge=0,
        description="bytes of GPU memory that all models may hold together, by their own reports; "
        "0 no bound but what is free",
    )
    gpu_reserve_bytes: int = Field(
        512 * 2**20,
        ge=0,
        description="bytes of GPU memory that stay free when a model is loaded or restored; 0 none",
    )
    gpu_activation_bytes: int = Field(
        2**30,
        ge=0,
        description="bytes added to 1.2 times the size of a model's weight files, as what it needs "
        "until it has been measured; 0 none",
    )
    max_overtaken: float = Field(
        10.0,
        ge=0,
        description="seconds for which requests for models that are hot go before one that waits "
        "for their memory; 0 none",
    )

    def policy_of(self, model: str, configured: Policy) -> Policy:
        """Return a model's policy: what its config says, with this service's changes."""
        given = self.policy.get(model, Policy())
        changes = {name: getattr(given, name) for name in given.model_fields_set}
        return configured.model_copy(update=changes)
