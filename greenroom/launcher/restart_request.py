"""A file in the runtime folder by which the controller asks for a new Triton.

Triton may run in another container: a shared folder is all that both need to have.
"""

from greenroom.config import Settings
from greenroom.launcher.runtime_folder import runtime_folder

_FILE = "triton.restart"


def ask_for_restart(settings: Settings, reason: str) -> None:
    """Ask whoever keeps Triton alive to kill it and to start it again."""
    (runtime_folder(settings) / _FILE).write_text(reason)


def asked_for_restart(settings: Settings) -> str | None:
    """Return the reason why a restart was asked for, None if it was not."""
    try:
        return (settings.runtime / _FILE).read_text()
    except FileNotFoundError:
        return None


def forget_request(settings: Settings) -> None:
    """Take the request back: a Triton that has just started fulfils it."""
    (settings.runtime / _FILE).unlink(missing_ok=True)
