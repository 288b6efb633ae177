"""What one may say of a fleet beside the environment of its machines; read without Ray."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from greenroom.errors import SetupError


class FleetArguments(BaseModel):
    """What a config file may say beside the environment of the machines."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    replicas: int = Field(
        1,
        ge=1,
        description="Number of replicas, or the largest number if min_replicas is given.",
    )
    min_replicas: int | None = Field(
        None,
        ge=0,
        description="Smallest number of replicas. If set, the fleet scales by its load.",
    )
    gpus_per_replica: float = Field(
        1,
        ge=0,
        description="GPUs of each replica. 0 places replicas by CPUs alone.",
    )
    waiting_per_replica: float = Field(
        4.0,
        gt=0,
        description="Requests, running or waiting, that one replica should have.",
    )
    grow_after: float = Field(
        10.0,
        ge=0,
        description="Seconds for which more replicas must be needed before they are added. 0 "
        "adds them at once.",
    )
    shrink_after: float = Field(
        300.0,
        ge=0,
        description="Seconds for which fewer replicas must be enough before some are removed. 0 "
        "removes them at once.",
    )
    residency_router: bool = Field(
        True,
        description="Whether requests are sent where their models are. false uses Ray's own "
        "router.",
    )

    @model_validator(mode="after")
    def _bounds_and_whole_devices(self) -> Self:
        if self.min_replicas is not None and self.min_replicas > self.replicas:
            raise ValueError(
                f"min_replicas is {self.min_replicas}; it must be at most replicas, {self.replicas}"
            )
        if self.gpus_per_replica > 1 and not self.gpus_per_replica.is_integer():
            raise ValueError(
                f"gpus_per_replica is {self.gpus_per_replica:g}; above 1 it must be a whole number"
            )
        return self


def fleet_arguments(given: Mapping[str, Any]) -> FleetArguments:
    """Checked; SetupError that names the option, its value and the rule."""
    try:
        return FleetArguments.model_validate(given)
    except ValidationError as error:
        raise SetupError(" ".join(map(_sentence, error.errors()))) from None


def _sentence(fault: Any) -> str:
    name = ".".join(map(str, fault["loc"]))
    if fault["type"] in ("extra_forbidden", "invalid_key"):
        known = ", ".join(FleetArguments.model_fields)
        return f"{name} is no option of a fleet; there are {known}."
    if not name:
        return f"{fault['ctx']['error']}."
    rule = fault["msg"].removeprefix("Input should be ")
    return f"{name} is {fault['input']!r}; it must be {rule}."
