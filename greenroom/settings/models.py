"""What every managed model reads in its own process."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from platformdirs import user_data_path
from pydantic import Field, ValidationError

from greenroom.errors import SetupError
from greenroom.settings.environment import EnvironmentSettings

PRECISION = "precision"
"""The parameter of a model's config that says how its weights are held."""


class ModelSettings(EnvironmentSettings):
    """Read by the managed models, and by the controller, which sizes their weights."""

    models_dir: Path | None = Field(
        None,
        description="Folder of the model checkpoints. If unset, `models` in the user's data "
        "folder.",
    )

    engines: str | None = Field(
        None,
        description="Name of a set of engines, such as embedded. Every model whose config has an "
        "engine for this set uses it. If unset, each model uses the first engine in its config "
        "whose packages are installed.",
    )
    step_seconds: float = Field(
        0.025,
        ge=0,
        description="Seconds that a model which works in steps computes before it looks for "
        "control requests, cancellations and new requests. 0 means one step.",
    )
    stream_idle_seconds: float = Field(
        60,
        gt=0,
        description="Seconds after which a model ends a stream if no piece of it is fetched.",
    )

    @classmethod
    def configured(cls, model: str, parameters: Mapping[str, str]) -> Self:
        """As the environment says, and where it says nothing, the parameters of a model's config.

        The parameter ``precision`` of model ``NAME`` is the setting ``NAME_precision``. Raises
        SetupError for a value that the setting does not take.
        """
        said = cls()
        field = f"{model}_{PRECISION}"
        if field not in cls.model_fields or field in said.model_fields_set:
            return said
        if PRECISION not in parameters:
            return said
        given: dict[str, Any] = {field: parameters[PRECISION]}
        try:
            return cls(**given)
        except ValidationError as error:
            raise SetupError(
                f"The parameter {PRECISION} of model {model!r} is {parameters[PRECISION]!r}: "
                f"{error.errors()[0]['msg']}."
            ) from None

    @property
    def models(self) -> Path:
        """The folder of the released checkpoints."""
        return self.models_dir or user_data_path("greenroom") / "models"
