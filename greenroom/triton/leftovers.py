"""What a killed Triton leaves behind: stub processes and shared-memory regions."""

import contextlib
import time
from pathlib import Path

import psutil

from greenroom.triton.command_line import regions_option
from greenroom.triton.installation import STUB

SHARED_MEMORY = Path("/dev/shm")
_PATIENCE = 3.0


def regions(prefix: str) -> list[Path]:
    """Return the shared-memory regions whose names begin with the prefix."""
    return sorted(SHARED_MEMORY.glob(f"{prefix}*"))


def stubs(prefix: str) -> list[psutil.Process]:
    """Return the living model processes whose region's name begins with the prefix."""
    return [process for process, arguments in _living() if _is_stub(arguments, prefix)]


def servers(prefix: str) -> list[psutil.Process]:
    """Return the living servers that were started with the prefix."""
    option = regions_option(prefix)
    return [process for process, arguments in _living() if option in arguments]


def clear_leftovers(prefix: str) -> None:
    """Kill servers and stubs that carry the prefix, then remove its regions.

    Nothing but the prefix decides, so it must belong to one service alone, and that
    service's server must not be running.
    """
    found = [*servers(prefix), *stubs(prefix)]
    for process in found:
        _kill(process)
    _wait(found)
    for region in regions(prefix):
        region.unlink(missing_ok=True)


def _living() -> list[tuple[psutil.Process, list[str]]]:
    # A zombie has no command line, so it is not among these.
    return [
        (process, process.info["cmdline"])
        for process in psutil.process_iter(["cmdline"])
        if process.info["cmdline"]
    ]


def _is_stub(arguments: list[str], prefix: str) -> bool:
    return Path(arguments[0]).name == STUB and any(a.startswith(prefix) for a in arguments[1:])


def _kill(process: psutil.Process) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.kill()


def _wait(processes: list[psutil.Process]) -> None:
    # psutil's own waiting takes a zombie that nobody reaps for a living process.
    deadline = time.monotonic() + _PATIENCE
    while any(map(alive, processes)) and time.monotonic() < deadline:
        time.sleep(0.005)


def alive(process: psutil.Process) -> bool:
    """Whether a process runs; one that has ended but is not reaped yet does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
