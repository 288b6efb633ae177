"""What happens to a model when nobody uses it, and how many may wait for it."""

from pydantic import BaseModel, ConfigDict, Field, field_validator


class Policy(BaseModel):
    """What happens to one model when nobody uses it, and how many may wait for it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    pinned: bool = Field(False, description="Load the model at the start and keep it on the GPU.")
    offload_after: float = Field(
        1.0,
        ge=-1,
        description="Idle seconds before the weights leave the GPU. 0 means at once, -1 never.",
    )
    unload_after: float = Field(
        3600.0,
        ge=-1,
        description="Idle seconds before the model's process ends. 0 means at once, -1 never.",
    )
    max_waiting: int = Field(
        256, ge=0, description="Requests that may wait for the model. 0 disables waiting."
    )
    max_wait: float = Field(
        120.0, gt=0, description="Seconds that a request may wait for the model."
    )

    @field_validator("offload_after", "unload_after")
    @classmethod
    def _never_is_minus_1(cls, seconds: float) -> float:
        if -1 < seconds < 0:
            raise ValueError("Input should be -1 (never), 0 or more")
        return seconds
