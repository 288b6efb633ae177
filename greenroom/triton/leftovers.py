"""What a killed Triton leaves behind: stub processes, shared-memory regions, folders in /tmp."""

import contextlib
import os
import re
import shutil
import stat
import time
from pathlib import Path

import psutil

from greenroom.triton.command_line import regions_option
from greenroom.triton.installation import STUB
from greenroom.triton.region_prefix import FORM

SHARED_MEMORY = Path("/dev/shm")
_TEMPORARY = Path("/tmp")
"""Where the Python backend of each Triton makes a folder, whatever TMPDIR says."""
_SERVER = "tritonserver"
_ENVIRONMENT = re.compile(r"python_env_[A-Za-z0-9]{6}", re.ASCII)
_PATIENCE = 3.0


def regions(prefix: str) -> list[Path]:
    """Shared-memory regions that are named with the prefix."""
    named = _named_with(prefix)
    return sorted(path for path in SHARED_MEMORY.iterdir() if named.fullmatch(path.name))


def stubs(prefix: str) -> list[psutil.Process]:
    """Living model processes whose region is named with the prefix."""
    named = _named_with(prefix)
    return [process for process, arguments in _living() if _is_stub(arguments, named)]


def regions_of(process: psutil.Process, prefix: str) -> list[str]:
    """None of a process that has ended."""
    named = _named_with(prefix)
    with contextlib.suppress(psutil.Error):
        return list(filter(named.fullmatch, process.cmdline()))
    return []


def own(process: psutil.Process) -> bool:
    """Another user's process is never ended, though root could."""
    with contextlib.suppress(psutil.Error):
        return process.uids().effective == os.geteuid()
    return False


def remove_region(path: Path) -> None:
    """Remove a region, if it is there and this user's."""
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_uid == os.geteuid():
            path.unlink()


def servers(prefix: str) -> list[psutil.Process]:
    """Living servers that were started with the prefix."""
    option = regions_option(_checked(prefix))
    return [process for process, arguments in _living() if option in arguments]


def clear_leftovers(prefix: str) -> None:
    """Kill this user's servers and stubs that carry the prefix, then remove its regions.

    Nothing else decides, so the prefix must belong to one service alone, and that service's
    server must not be running. What is another user's is left alone.
    """
    found = [process for process in (*servers(prefix), *stubs(prefix)) if own(process)]
    for process in found:
        _kill(process)
    _wait(found)
    for region in regions(prefix):
        remove_region(region)
    clear_temporary()


def clear_temporary(folder: Path = _TEMPORARY) -> None:
    """Remove this user's folders of Tritons that have ended.

    Nothing says whose one is, so those stay that any living Triton may have made.
    """
    living = psutil.process_iter(["name", "create_time"])
    begun = (one.info["create_time"] for one in living if one.info["name"] == _SERVER)
    oldest = min(begun, default=time.time()) - 1
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            made = path.lstat()
            ours = stat.S_ISDIR(made.st_mode) and made.st_uid == os.geteuid()
            if _ENVIRONMENT.fullmatch(path.name) and ours and made.st_mtime < oldest:
                shutil.rmtree(path)


def _named_with(prefix: str) -> re.Pattern[str]:
    """What Triton's names of regions look like: the prefix and something drawn."""
    return re.compile(re.escape(_checked(prefix)) + r"[\w-]+", re.ASCII)


def _checked(prefix: str) -> str:
    """An empty prefix, or a short one, would be everybody's."""
    if not FORM.fullmatch(prefix):
        raise ValueError(f"{prefix!r} is no prefix of regions")
    return prefix


def _living() -> list[tuple[psutil.Process, list[str]]]:
    # A zombie has no command line, so it is not among these.
    return [
        (process, process.info["cmdline"])
        for process in psutil.process_iter(["cmdline"])
        if process.info["cmdline"]
    ]


def _is_stub(arguments: list[str], named: re.Pattern[str]) -> bool:
    return Path(arguments[0]).name == STUB and any(map(named.fullmatch, arguments[1:]))


def _kill(process: psutil.Process) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.kill()


def _wait(processes: list[psutil.Process]) -> None:
    # psutil's own waiting takes a zombie that nobody reaps for a living process.
    deadline = time.monotonic() + _PATIENCE
    while any(map(alive, processes)) and time.monotonic() < deadline:
        time.sleep(0.005)


def alive(process: psutil.Process) -> bool:
    """A process that has ended but is not reaped yet does not run."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
