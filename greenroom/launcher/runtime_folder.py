"""The runtime folder: it can be written to, and one supervisor at a time works in it."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from greenroom.config import Settings
from greenroom.errors import SetupError


def runtime_folder(settings: Settings) -> Path:
    """Make the runtime folder if it is missing and return it; SetupError if that fails."""
    folder = settings.runtime
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(folder, error.strerror) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _unusable(folder, "it cannot be written to")
    return folder


@contextlib.contextmanager
def only_supervisor(settings: Settings) -> Iterator[None]:
    """Hold the runtime folder; SetupError names the process that holds it already."""
    folder = runtime_folder(settings)
    owner = _owner(folder)
    # Not per thread: a test may end a service from another thread than it began in.
    lock = FileLock(folder / "supervisor.lock", blocking=False, thread_local=False)
    try:
        lock.acquire()
    except Timeout as error:
        pid = owner.read_text() if owner.exists() else "unknown"
        raise SetupError(
            f"Greenroom already runs in {folder} (pid {pid}); end it, or choose another "
            "GREENROOM_RUNTIME_DIR or other ports."
        ) from error
    try:
        owner.write_text(str(os.getpid()))
        yield
    finally:
        owner.unlink(missing_ok=True)
        lock.release()


def running_supervisor(settings: Settings) -> int | None:
    """Return the process id of the supervisor that holds the runtime folder, if one does."""
    try:
        pid = int(_owner(settings.runtime).read_text())
    except (OSError, ValueError):
        return None
    return pid if psutil.pid_exists(pid) else None


def _owner(folder: Path) -> Path:
    return folder / "supervisor.pid"


def _unusable(folder: Path, reason: str | None) -> SetupError:
    return SetupError(
        f"The runtime folder {folder} cannot be used ({reason}); set GREENROOM_RUNTIME_DIR."
    )
