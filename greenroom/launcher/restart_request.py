"""A file in the runtime folder by which the controller asks for a new Triton.

Triton may run in another container: a shared folder is all that both need to have.
"""

import asyncio

from greenroom.config import Settings
from greenroom.launcher.runtime_folder import runtime_folder

_FILE = "triton.restart"
_INTERVAL = 0.5


def ask_for_restart(settings: Settings, reason: str) -> None:
    """Ask whoever keeps Triton alive to kill it and to start it again."""
    (runtime_folder(settings) / _FILE).write_text(reason)


async def asked_for_restart(settings: Settings) -> str:
    """Return the reason why a restart is asked for, once it is."""
    while True:
        try:
            return (settings.runtime / _FILE).read_text()
        except FileNotFoundError:
            await asyncio.sleep(_INTERVAL)


def forget_request(settings: Settings) -> None:
    """Forget what was asked: a Triton that is about to start fulfils it."""
    (settings.runtime / _FILE).unlink(missing_ok=True)
