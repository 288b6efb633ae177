"""The runtime folder of a replica's Greenroom: held while its replica lives, cleared after it."""

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from greenroom.settings import Settings
from greenroom.triton.leftovers import clear_leftovers
from greenroom.triton.region_prefix import region_prefix

_PREFIX = "greenroom-replica-"
"""In /tmp: sockets lie in it, whose paths may have 107 characters; Ray's folders are too deep."""
_LOCK = "replica.lock"


def own_folder() -> tuple[Path, int]:
    """A new folder, and the descriptor whose lock says that it is in use: while it is open."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        with suppress(FileNotFoundError):  # who clears was quicker than the lock
            held = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(held, fcntl.LOCK_EX)
            if (folder / _LOCK).exists():
                return folder, held
            os.close(held)


def clear(folder: Path, settings: Settings) -> None:
    """Remove it, and what a Triton that was killed has left in shared memory."""
    there = {"runtime_dir": folder, "shared_dir": None}
    clear_leftovers(region_prefix(settings.model_copy(update=there)))
    shutil.rmtree(folder, ignore_errors=True)


def clear_those_of_the_dead(settings: Settings) -> None:
    """Of this user's replicas on this machine that were killed: nobody else clears after these."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if folder.lstat().st_uid != os.getuid():
                continue
            held = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                clear(folder, settings)
            finally:
                os.close(held)
