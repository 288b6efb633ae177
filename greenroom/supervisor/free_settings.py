"""Settings of a service that finds a place beside whatever else runs on the machine."""

from typing import Any

from greenroom.settings import Settings
from greenroom.supervisor.ports import free_ports

_PORTS = [name for name in Settings.model_fields if name.endswith("_port")]


def free_settings(**given: Any) -> Settings:
    """Return settings with free ports, and the given ones over the environment's.

    A port is free when this looks; another process may still be quicker.
    """
    return Settings(**dict(zip(_PORTS, free_ports(len(_PORTS)), strict=True)) | given)
