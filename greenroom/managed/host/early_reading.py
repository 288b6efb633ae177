"""Checkpoints on their way into host memory while torch is still being imported.

An engine's entry point begins one, imports the module that needs torch, and hands it over::

    def my_engine(settings):
        with EarlyReading(FOLDER) as early:
            from my_package.my_torch_engine import MyEngine  # torch: seconds

            return MyEngine(settings, early)  # ArenaEngine.__init__(modules, early=early)

The arena keeps the memory as its host copy, and lays out each tensor that it finds here, by name,
shape and dtype, where it lies already. ``Arena.read`` of the same file waits for those and reads
the others.
"""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

import psutil
import pynvml

from greenroom.managed.host.file_part import FilePart
from greenroom.managed.host.pages import Pages
from greenroom.managed.host.safetensors_header import Entry, files_of, opened
from greenroom.managed.host.shared_memory import SEGMENT, SharedMemory

ALIGNMENT = 512
"""Bytes; what torch's own allocator keeps on a GPU."""
READERS = min(4, os.cpu_count() or 1)
"""Threads; a page cache is copied faster by two, a disk by more."""
_EARLY = max(1, min(READERS, (os.cpu_count() or 1) - 1))
"""Threads while torch is imported: with none of two cores left to it, all came later."""


@dataclass(frozen=True)
class Run:
    """Bytes that lie one after another in a file and in memory, from `offset` on."""

    part: FilePart
    offset: int


class EarlyReading:
    """Reads whole safetensors, with their tensors one after another in the order of the files."""

    def __init__(self, *paths: Path) -> None:
        """Begin. Each path is a file, an index.json or a folder. SetupError, OutOfMemory."""
        self.tensors: dict[str, tuple[Entry, int]] = {}
        """Each tensor's entry and the byte where it lies."""
        self.size = 0
        self._files = ExitStack()
        self._readers = ThreadPoolExecutor(_EARLY, "weights")
        self._running: list[tuple[Run, Future[None]]] = []
        self._places: dict[tuple[Path, int], int] = {}
        try:
            for file in (each for path in paths for each in files_of(path)):
                self._lay_out(self._files.enter_context(opened(file)))
            self.memory = host_memory(self.size)
            self.memory.map(self.size)
        except BaseException:
            self._files.close()
            raise
        for run in _pieces(self.tensors.values()):
            self._running.append((run, self._readers.submit(self._read, run)))

    def __enter__(self) -> "EarlyReading":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop reading what is not read yet, and close the files; an arena keeps the memory."""
        self._readers.shutdown(cancel_futures=True)
        self._files.close()

    def holds(self, part: FilePart, offset: int) -> bool:
        """Whether a part of a file is what is read to this byte of the memory."""
        return self._places.get((part.path, part.begin)) == offset

    def arriving(self) -> Iterator[tuple[int, int]]:
        """From and to of what has been read, until all has. SetupError if a file ends early.

        Who waits helps: it reads what no thread has begun, from the end.
        """
        for run, future in reversed(self._running):
            if future.cancel():
                self._read(run)
            else:
                future.result()
            yield run.offset, run.offset + run.part.size

    def _lay_out(self, entries: dict[str, Entry]) -> None:
        for name, entry in sorted(entries.items(), key=lambda item: item[1].part.begin):
            offset = -(-self.size // ALIGNMENT) * ALIGNMENT
            self.tensors.setdefault(name, (entry, offset))
            self._places[entry.part.path, entry.part.begin] = offset
            self.size = offset + entry.part.size

    def _read(self, run: Run) -> None:
        self.memory.read(run.part, run.offset)


def host_memory(size: int) -> Pages | SharedMemory:
    """For an arena of at least `size` bytes, on the GPU if there seems to be one."""
    try:
        pynvml.nvmlInit()
        gpu = pynvml.nvmlDeviceGetCount() > 0
    except pynvml.NVMLError:
        gpu = False
    # A GPU's driver pins page by page, so fewer are sooner done. A CPU shows the same pages twice.
    return Pages(size + psutil.virtual_memory().total, huge=True) if gpu else SharedMemory()


def _pieces(placed: Iterable[tuple[Entry, int]]) -> Iterator[Run]:
    """All tensors, those that adjoin in file and memory as one, cut to the bytes of one call."""
    runs: list[Run] = []
    for entry, offset in placed:
        if runs and _adjoins(runs[-1], entry.part, offset):
            part = replace(runs[-1].part, size=runs[-1].part.size + entry.part.size)
            runs[-1] = replace(runs[-1], part=part)
        else:
            runs.append(Run(entry.part, offset))
    for run in runs:
        at, end = run.offset, run.offset + run.part.size
        while at < end:
            # Threads at different segments do not wait for one another.
            size = min(SEGMENT - at % SEGMENT, end - at)
            yield Run(run.part.part(at - run.offset, size), at)
            at += size


def _adjoins(run: Run, part: FilePart, offset: int) -> bool:
    end = run.part.begin + run.part.size, run.offset + run.part.size
    return run.part.path == part.path and end == (part.begin, offset)
