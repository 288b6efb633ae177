"""What the names of one service's shared-memory regions begin with."""

import re
import secrets

from greenroom.create_once import drawn_once
from greenroom.runtime_folder import shared_folder
from greenroom.settings import Settings

FORM = re.compile(r"greenroom-[0-9a-f]{12}-")


def region_prefix(settings: Settings) -> str:
    """Tells this service's regions and model processes from others'.

    Drawn, not computed from the folder's path: containers that share /dev/shm may have
    the same paths. Triton and the controller may be different users, and it is no secret: every
    user sees it on the command lines of the processes. One without the form is never used: what
    carries an empty prefix, say, is every Triton of the machine.
    """
    return drawn_once(shared_folder(settings) / "region.prefix", FORM, _drawn, mode=0o644)


def _drawn() -> str:
    return f"greenroom-{secrets.token_hex(6)}-"
