"""What the names of one service's shared-memory regions begin with."""

import secrets

from greenroom.config import Settings
from greenroom.launcher.drawn_once import drawn_once
from greenroom.launcher.runtime_folder import runtime_folder


def region_prefix(settings: Settings) -> str:
    """Return the prefix that tells this service's regions and model processes from others'.

    Drawn, not computed from the folder's path: containers that share /dev/shm may have
    the same paths.
    """
    name = f"greenroom-{secrets.token_hex(6)}-"
    return drawn_once(runtime_folder(settings) / "region.prefix", name)
