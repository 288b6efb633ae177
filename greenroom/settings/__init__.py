"""Configuration: read once from the environment into frozen objects, one for each who reads it."""

from collections.abc import Sequence
from typing import Any, Self

from greenroom.settings.controller import ControllerSettings
from greenroom.settings.environment import PROJECT, EnvironmentSettings, Port
from greenroom.settings.gateway import GatewaySettings
from greenroom.settings.models import ModelSettings
from greenroom.settings.triton import TritonSettings

__all__ = ["PROJECT", "EnvironmentSettings", "ModelSettings", "Port", "Settings"]


class Settings(TritonSettings, ControllerSettings, GatewaySettings):
    """The service: supervisor, controller and gateway."""

    @classmethod
    def with_repositories(cls, folders: Sequence[str] | None) -> Self:
        """Read the settings, with these model repositories instead if any are given."""
        given: dict[str, Any] = {"model_repository": folders} if folders else {}
        return cls(**given)
