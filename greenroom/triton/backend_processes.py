"""The processes behind the models, as far as this process can see them.

A Python backend's stub is called with the path of the model's code and the name of its
shared-memory region, which begins with this service's prefix: so a process is known to be a
model's of this service before it is watched or killed. The process id in a model's report is never
used for it: in another pid namespace it is somebody else's. In another container without a shared
pid namespace none is to be seen, and nothing is known of them; those of another user are seen and
watched, but cannot be killed.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from greenroom.triton.leftovers import (
    SHARED_MEMORY,
    alive,
    own,
    regions,
    regions_of,
    remove_region,
    servers,
    stubs,
)

_BEING_MADE = 10.0
"""Seconds in which a new region's process must have been started."""
_PATIENCE = 5.0
"""Seconds in which a killed process must be gone."""


@dataclass(frozen=True)
class Look:
    """What is seen of a model that is being loaded: one that runs, or a zombie of Triton's."""

    lives: bool
    zombie: bool


class BackendProcesses:
    """Watches the models' processes for their end, without polling, and ends them."""

    on_end: Callable[[str], None]
    """Called with the name of a model one of whose watched processes has ended."""
    on_signal: Callable[[str, int], None]
    """Called before that with the signal that ended it, where that is to be seen."""

    def __init__(self, region_prefix: str) -> None:
        self.on_end = lambda model: None
        self.on_signal = lambda model, signal: None
        self._prefix = region_prefix
        self._watched: dict[str, list[int]] = {}
        self._processes: dict[str, list[psutil.Process]] = {}
        self._ends: dict[str, asyncio.Event] = {}
        self._regions: dict[str, set[str]] = {}

    async def watch(self, model: str) -> None:
        """Watch the processes that the model has now, until they are forgotten.

        Their regions are this user's alone from then on, if Triton is this user's.
        """
        self.forget(model)
        end = self._ends[model] = asyncio.Event()

        def ended(pid: int) -> None:
            if signal := _signal_of(pid):
                self.on_signal(model, signal)
            self.forget(model)
            self.on_end(model)
            end.set()

        found = await asyncio.to_thread(backend_processes, model, self._prefix)
        if self._ends.get(model) is not end:
            return
        self._regions[model] = {
            region for process in found for region in regions_of(process, self._prefix)
        }
        for region in self._regions[model]:
            # Triton makes them for all to read, whatever its umask, and requests pass through them.
            with contextlib.suppress(OSError):
                (SHARED_MEMORY / region).chmod(0o600)
        self._processes[model] = found
        for process in found:
            with contextlib.suppress(OSError):
                descriptor = os.pidfd_open(process.pid)
                self._watched.setdefault(model, []).append(descriptor)
                if process.is_running():  # else its number has come to mean another
                    asyncio.get_running_loop().add_reader(descriptor, ended, process.pid)

    def forget(self, model: str) -> None:
        """Watch the model's processes no longer."""
        self._ends.pop(model, None)
        self._processes.pop(model, None)
        for descriptor in self._watched.pop(model, ()):
            asyncio.get_running_loop().remove_reader(descriptor)
            os.close(descriptor)

    def close(self) -> None:
        for model in list(self._ends):
            self.forget(model)

    def resident_bytes(self, model: str) -> int | None:
        """What the model's watched processes hold in memory; None where none is seen."""
        with contextlib.suppress(psutil.Error, OSError):
            if found := self._processes.get(model):
                return sum(_held_bytes(process) for process in found)
        return None

    async def ended(self, model: str) -> None:
        """Returns when a watched process of the model has ended; never, if none is watched."""
        await self._ends.get(model, asyncio.Event()).wait()

    async def none_runs(self, model: str) -> bool:
        """It is known that the model has no process, or only stopped ones."""
        return await asyncio.to_thread(self._none_runs, model)

    async def look(self, model: str, since: float) -> Look | None:
        """Look for a model's process; None where Triton's own cannot be seen from here.

        A zombie has no name any more: any that Triton has left `since` then may be the model's.
        """
        return await asyncio.to_thread(self._look, model, since)

    async def end(self, model: str) -> bool:
        """Kill the model's processes and remove their regions; returns whether none is left."""
        self.forget(model)
        return await asyncio.to_thread(self._end, model, self._regions.pop(model, set()))

    def _look(self, model: str, since: float) -> Look | None:
        found = servers(self._prefix)
        if not found:
            return None
        lives = not self._none_runs(model)
        return Look(lives, not lives and any(_left_zombie(one, since) for one in found))

    def _end(self, model: str, named: set[str]) -> bool:
        found = backend_processes(model, self._prefix)
        for process in found:
            named.update(regions_of(process, self._prefix))
            if alive(process) and not own(process):
                return False
            with contextlib.suppress(psutil.Error):
                process.kill()
        deadline = time.monotonic() + _PATIENCE
        while any(map(alive, found)) and time.monotonic() < deadline:
            time.sleep(0.005)
        gone = self._none_left(model)
        if gone:
            # Triton removes none of a model whose request has failed with its process. Another
            # user's stay until that Triton is started again.
            for region in named or self._orphans():
                remove_region(SHARED_MEMORY / region)
        return gone

    def _orphans(self) -> list[str]:
        """Regions that no process names; one that is being made has none for a moment."""
        named = {
            name for process in stubs(self._prefix) for name in regions_of(process, self._prefix)
        }
        oldest, found = time.time() - _BEING_MADE, []
        for path in regions(self._prefix):
            with contextlib.suppress(FileNotFoundError):
                if path.name not in named and path.stat().st_mtime < oldest:
                    found.append(path.name)
        return found

    def _none_left(self, model: str) -> bool:
        return bool(servers(self._prefix)) and not backend_processes(model, self._prefix)

    def _none_runs(self, model: str) -> bool:
        found = backend_processes(model, self._prefix)
        return all(map(_stopped, found)) if found else self._none_left(model)


def _stopped(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_STOPPED
    except psutil.NoSuchProcess:
        return True


def _held_bytes(process: psutil.Process) -> int:
    """What is resident, with files in memory that are not mapped: so weights wait on a CPU."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    mapped = int(status.split("RssShmem:")[1].split()[0]) * 1024
    kept = 0
    for file in Path(f"/proc/{process.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            if str(file.readlink()).startswith("/memfd:"):
                kept += file.stat().st_blocks * 512
    return int(process.memory_info().rss) - mapped + max(mapped, kept)


def _signal_of(zombie: int) -> int:
    """What ended a process whose parent has not asked yet; 0: none is seen.

    Triton asks when it unloads the model.
    """
    try:
        state, *_, status = Path(f"/proc/{zombie}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return 0
    return int(status) & 0x7F if state == "Z" else 0


def backend_processes(model: str, region_prefix: str) -> list[psutil.Process]:
    """The living ones of a model; none if it runs where this process cannot see."""
    return [process for process in stubs(region_prefix) if _model_of(process) == model]


def _left_zombie(server: psutil.Process, since: float) -> bool:
    """A child that began then, to the second, has ended and was not reaped."""
    with contextlib.suppress(psutil.Error):
        for child in server.children():
            with contextlib.suppress(psutil.Error):
                if child.status() == psutil.STATUS_ZOMBIE and child.create_time() > since - 1:
                    return True
    return False


def _model_of(process: psutil.Process) -> str | None:
    """The folder name in ``.../<model>/<version>/model.py``."""
    try:
        arguments = process.cmdline()
    except psutil.Error:
        return None
    return Path(arguments[1]).parts[-3] if len(arguments) > 1 else None
