"""What Ray's own ports ask for, and the environment of every process of a fleet."""

import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from platformdirs import user_state_path

from greenroom.create_once import drawn_once
from greenroom.errors import SetupError
from greenroom.settings import Settings

MARK = "_GREENROOM_FLEET"
"""In the environment of all that a fleet has started here, by which `down` knows them."""
_FORM = re.compile(r"[\w-]{43}", re.ASCII)


def fleet_folder(settings: Settings) -> Path:
    """Of the fleet with this HTTP port; made if it is missing. SetupError if that fails."""
    base = settings.runtime_dir or user_state_path("greenroom")
    folder = base / f"fleet-{settings.http_port}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(f"The folder {folder} cannot be made ({error.strerror}).") from error
    return folder


def token_file(settings: Settings) -> Path:
    """The token is drawn once; whoever has it may run code on every machine of the fleet."""
    path = fleet_folder(settings) / "ray.token"
    drawn_once(path, _FORM, secrets.token_urlsafe)
    return path


def ray_environment(settings: Settings, inherited: Mapping[str, str]) -> dict[str, str]:
    """For `ray start`, whose environment all replicas inherit."""
    return {
        # Ray kills a proxy that is not ready after 5 s, which a busy machine does not reach.
        "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",
        **inherited,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token_file(settings)),
        "RAY_USAGE_STATS_ENABLED": "0",
        MARK: str(fleet_folder(settings)),
    }
