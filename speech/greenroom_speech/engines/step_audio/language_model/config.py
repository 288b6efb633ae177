"""The sizes of a Step1 language model, as its ``config.json`` states them."""

import json
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from greenroom.errors import SetupError
from greenroom_speech.engines.step_audio.language_model.quantisation import (
    Quantisation,
    QuantisationConfig,
)


class LanguageModelConfig(BaseModel):
    """What ``config.json`` must say. Nothing has a default: those upstream fit another model."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    hidden_size: int = Field(gt=0)
    intermediate_size: int = Field(gt=0)
    num_attention_heads: int = Field(gt=0)
    num_attention_groups: int = Field(gt=0)
    """Heads of keys and values; so many query heads in a row share one."""
    num_hidden_layers: int = Field(gt=0)
    max_seq_len: int = Field(gt=0)
    vocab_size: int = Field(gt=0)
    rms_norm_eps: float = Field(gt=0)
    eos_token_id: int = Field(ge=0)

    @model_validator(mode="after")
    def _divisible(self) -> Self:
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"hidden_size {self.hidden_size} must be a multiple of num_attention_heads "
                f"{self.num_attention_heads}"
            )
        if self.num_attention_heads % self.num_attention_groups:
            raise ValueError(
                f"num_attention_heads {self.num_attention_heads} must be a multiple of "
                f"num_attention_groups {self.num_attention_groups}"
            )
        return self

    @property
    def head_dim(self) -> int:
        return self.hidden_size // self.num_attention_heads


def read_config(path: Path) -> LanguageModelConfig:
    """Read ``config.json``; SetupError that names the field where one is missing or wrong."""
    try:
        return LanguageModelConfig.model_validate(_read(path))
    except ValidationError as error:
        raise SetupError(f"{path} is not a Step1 config: {_first(error)}.") from error


def read_quantisation(path: Path) -> Quantisation | None:
    """How ``config.json`` says that the layers are quantised, None if they are not.

    SetupError for a way that is not read.
    """
    values = _read(path)
    given = values.get("quantization_config") if isinstance(values, dict) else None
    if given is None:
        return None
    try:
        return Quantisation.model_validate(QuantisationConfig.model_validate(given).layers)
    except ValidationError as error:
        raise SetupError(
            f"{path} has a quantization_config that is not read: {_first(error)}."
        ) from error


def _read(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SetupError(f"{path} cannot be read as JSON: {error}.") from error


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"]) or "the whole"
    return f"{field}: {first['msg']}"
