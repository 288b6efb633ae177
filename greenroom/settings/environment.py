"""How settings are read: from the environment, then from a folder of secrets, into frozen objects.

Every field can be set as ``GREENROOM_<FIELD>``. ``docs/configuration.md`` lists them all;
a test keeps that table true.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

PREFIX = "GREENROOM_"

PROJECT = Path(__file__).resolve().parent.parent.parent

Port = Annotated[int, Field(ge=1, le=65535)]


class EnvironmentSettings(BaseSettings):
    """Settings of one process or plug-in."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, env_ignore_empty=True)

    renamed: ClassVar[Mapping[str, str]] = {}
    """Variables that earlier releases read, with their names now."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the folder of secrets, as Docker and Kubernetes mount them, after all else."""
        folder = Path(os.environ.get("GREENROOM_SECRETS_DIR") or os.devnull)
        secrets = SecretsSettingsSource(settings_cls, folder if folder.is_dir() else None)
        return init_settings, env_settings, secrets
