"""The runtime folder: it can be written to, and one supervisor at a time has a part in it."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from greenroom.config import Settings
from greenroom.errors import SetupError
from greenroom.part import Part


def runtime_folder(settings: Settings) -> Path:
    """Make the runtime folder if it is missing and return it; SetupError if that fails."""
    folder = settings.runtime
    if reason := _why_unusable(folder):
        raise SetupError(
            f"The runtime folder {folder} cannot be used ({reason}); set GREENROOM_RUNTIME_DIR."
        )
    return folder


def shared_folder(settings: Settings) -> Path:
    """Make the folder that Triton and the controller share, and return it; SetupError."""
    if settings.shared_dir is None:
        return runtime_folder(settings)
    folder = settings.shared_dir
    if reason := _why_unusable(folder):
        raise SetupError(
            f"The shared folder {folder} cannot be used ({reason}); set GREENROOM_SHARED_DIR."
        )
    return folder


@contextlib.contextmanager
def only_supervisor(settings: Settings, parts: Iterable[Part]) -> Iterator[None]:
    """Hold parts of the service; SetupError names the process that holds one already.

    Triton is held in the shared folder: whoever starts it there ends those that carry the name
    that is kept there.
    """
    with contextlib.ExitStack() as held:
        for part in parts:
            folder = shared_folder if part is Part.TRITON else runtime_folder
            held.enter_context(_holding(folder(settings), part))
        yield


@contextlib.contextmanager
def _holding(folder: Path, part: Part) -> Iterator[None]:
    owner = folder / f"supervisor-{part}.pid"
    # Not per thread: a test may end a service from another thread than it began in.
    lock = FileLock(owner.with_suffix(".lock"), blocking=False, thread_local=False)
    try:
        lock.acquire()
    except Timeout as error:
        pid = owner.read_text() if owner.exists() else "unknown"
        raise SetupError(
            f"Greenroom already runs in {folder} ({part}, pid {pid}); end it, or choose another "
            "GREENROOM_RUNTIME_DIR or other ports."
        ) from error
    try:
        owner.write_text(str(os.getpid()))
        yield
    finally:
        owner.unlink(missing_ok=True)
        lock.release()


def running_supervisor(settings: Settings) -> int | None:
    """Return the process id of a supervisor that holds a part in the runtime folder, if any."""
    folders = {settings.runtime, settings.shared}
    for owner in (path for folder in folders for path in folder.glob("supervisor-*.pid")):
        with contextlib.suppress(OSError, ValueError):
            pid = int(owner.read_text())
            if psutil.pid_exists(pid):
                return pid
    return None


def _why_unusable(folder: Path) -> str | None:
    """Make a folder if it is missing; return why it can not be worked in, None if it can."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        return error.strerror
    return None if os.access(folder, os.W_OK | os.X_OK) else "it cannot be written to"
