"""One supervisor at a time has a component of a service."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from greenroom.errors import SetupError
from greenroom.runtime_folder import runtime_folder, shared_folder
from greenroom.settings import Settings
from greenroom.supervisor.component import TRITON

_PIDS = 2**22
"""Linux has no higher process ids."""


@contextlib.contextmanager
def only_supervisor(settings: Settings, components: Iterable[str]) -> Iterator[None]:
    """Hold components of the service; SetupError names the process that holds one already.

    Triton is held in the shared folder: whoever starts it there ends those that carry the name
    that is kept there.
    """
    with contextlib.ExitStack() as held:
        for component in components:
            folder = shared_folder if component == TRITON else runtime_folder
            held.enter_context(_holding(folder(settings), component))
        yield


@contextlib.contextmanager
def _holding(folder: Path, component: str) -> Iterator[None]:
    owner = folder / f"supervisor-{component}.pid"
    # Not per thread: a test may end a service from another thread than it began in.
    lock = FileLock(owner.with_suffix(".lock"), blocking=False, thread_local=False)
    try:
        lock.acquire()
    except Timeout as error:
        pid = _pid_in(owner) or "unknown"
        raise SetupError(
            f"Greenroom already runs in {folder} ({component}, pid {pid}); end it, or choose "
            "another GREENROOM_RUNTIME_DIR or other ports."
        ) from error
    try:
        owner.write_text(str(os.getpid()))
        yield
    finally:
        owner.unlink(missing_ok=True)
        lock.release()


def running_components(settings: Settings) -> dict[str, int]:
    """The components that supervisors hold here, with their process ids."""
    found = {}
    for owner in {
        path
        for folder in {settings.runtime, settings.shared}
        for path in folder.glob("supervisor-*.pid")
    }:
        pid = _pid_in(owner)
        if pid is not None and psutil.pid_exists(pid):
            found[owner.stem.removeprefix("supervisor-")] = pid
    return found


def _pid_in(owner: Path) -> int | None:
    """None for a file that holds no process id, or cannot be read."""
    with contextlib.suppress(OSError, ValueError):
        pid = int(owner.read_bytes())
        return pid if 0 < pid < _PIDS else None
    return None
