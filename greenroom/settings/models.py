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

    @property
    def models(self) -> Path:
        """The folder of the released checkpoints."""
        return self.models_dir or user_data_path("greenroom") / "models"
