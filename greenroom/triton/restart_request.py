"""A file in the shared folder by which the controller asks for a new Triton.

Triton may run in another container and as another user: a shared folder is all that both need
to have.
"""

import asyncio
import contextlib
import logging
from pathlib import Path

from greenroom.errors import SetupError
from greenroom.runtime_folder import shared_folder
from greenroom.settings import Settings

logger = logging.getLogger(__name__)

_FILE = "triton.restart"
_INTERVAL = 0.5
_LONGEST = 1000
"""Bytes of a reason that are read."""


def ask_for_restart(settings: Settings, reason: str) -> bool:
    """Ask whoever keeps Triton alive to kill it and to start it again.

    Returns whether somebody may do so: not if an earlier request still lies there.
    """
    request = shared_folder(settings) / _FILE
    if request.exists():
        return False
    draft = request.with_suffix(".draft")
    draft.write_text(reason)
    draft.chmod(0o644)
    draft.replace(request)
    return True


async def asked_for_restart(settings: Settings) -> str:
    """Take the request for a restart and return its reason, once there is one."""
    request = settings.shared / _FILE
    while True:
        with contextlib.suppress(FileNotFoundError):
            reason = _reason(request)
            forget_request(settings)
            return reason
        await asyncio.sleep(_INTERVAL)


def _reason(request: Path) -> str:
    """The sentence; of what somebody else may have left there, one printable line."""
    with request.open("rb") as file:
        text = file.read(_LONGEST).decode(errors="replace")
    return "".join(c for c in text.partition("\n")[0] if c.isprintable()) or "asked for"


def forget_request(settings: Settings) -> None:
    """Forget what was asked: a Triton that is about to start fulfils it.

    Raises SetupError if it cannot be removed: it would be asked for without end.
    """
    request = settings.shared / _FILE
    try:
        request.unlink(missing_ok=True)
    except OSError as error:
        raise SetupError(
            f"{request} cannot be removed ({error.strerror}); the user that runs Triton must own "
            "the folder, which GREENROOM_SHARED_DIR names."
        ) from error
