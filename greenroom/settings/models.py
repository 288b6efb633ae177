"""What every managed model reads in its own process."""

from pathlib import Path

from platformdirs import user_data_path
from pydantic import Field

from greenroom.settings.environment import EnvironmentSettings


class ModelSettings(EnvironmentSettings):
    """Read by the managed models, and by the controller, which sizes their weights."""

    models_dir: Path | None = Field(
        None,
        description="Folder of the model checkpoints. If unset, `models` in the user's data "
        "folder.",
    )

    step_seconds: float = Field(
        0.025,
        ge=0,
        description="Seconds that a model which works in steps computes before it looks for "
        "controls, cancels and new requests. 0 means one step.",
    )
    stream_idle_seconds: float = Field(
        60,
        gt=0,
        description="Seconds after which a model ends a stream that nobody pulls.",
    )

    @property
    def models(self) -> Path:
        """The folder of the released checkpoints."""
        return self.models_dir or user_data_path("greenroom") / "models"
