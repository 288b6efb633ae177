"""How a checkpoint's layers are quantised, as its ``config.json`` states it."""

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Quantisation(BaseModel):
    """What is read: compressed-tensors' ``pack-quantized`` with 4 bit and groups of inputs.

    https://github.com/vllm-project/compressed-tensors
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    num_bits: Literal[4]
    type: Literal["int"]
    strategy: Literal["group"]
    symmetric: bool
    group_size: Literal[32, 64, 128, 256]
    """Inputs that share a scale; those that torch's kernels take."""


class QuantisationConfig(BaseModel):
    """``quantization_config``."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    quant_method: Literal["compressed-tensors"]
    format: Literal["pack-quantized"]
    config_groups: dict[str, dict[str, Any]] = Field(min_length=1, max_length=1)
    ignore: tuple[str, ...]

    @model_validator(mode="after")
    def _whole_head(self) -> Self:
        if "lm_head" not in self.ignore:
            raise ValueError("ignore must have lm_head, which is read in bfloat16 only")
        return self

    @property
    def layers(self) -> object:
        """What a ``Quantisation`` is made of."""
        (group,) = self.config_groups.values()
        return group.get("weights")
