"""What the names of one service's shared-memory regions begin with."""

import secrets

from greenroom.create_once import drawn_once
from greenroom.runtime_folder import shared_folder
from greenroom.settings import Settings


def region_prefix(settings: Settings) -> str:
    """Return the prefix that tells this service's regions and model processes from others'.

    Drawn, not computed from the folder's path: containers that share /dev/shm may have
    the same paths. Triton and the controller may be different users, and it is no secret: every
    user sees it on the command lines of the processes.
    """
    name = f"greenroom-{secrets.token_hex(6)}-"
    return drawn_once(shared_folder(settings) / "region.prefix", name, mode=0o644)
