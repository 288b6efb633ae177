"""The recordings and results on the page's disk: whose they are, how long and how many.

Gradio keeps all files of all visitors in one folder and believes the paths that events name. Here
stands which visitor has uploaded or been given a file; nothing else is anybody's. The folder is
empty at the start, so this needs to be known by no other process.
"""

import asyncio
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from greenroom.errors import PermissionDenied

KEPT_SECONDS = 3600
_TIDIED_EVERY = 60
_LEAST_BYTES = 4096
"""What the smallest file takes, so that many empty ones count too."""
_SHOWN = 100


class NotYours(PermissionDenied):
    """An event, or a request for a file, names a path that its visitor has not."""

    def __init__(self, path: object) -> None:
        shown = str(path)[:_SHOWN]
        super().__init__(
            f"The file {shown} was not uploaded by this browser, or is no longer kept; upload it "
            f"again."
        )


class VisitorsFiles:
    """The folder of the page's files, emptied when this is made."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.folder = folder.resolve()
        self.clear()
        self.max_bytes = max_bytes
        self._visitors: dict[str, set[str]] = {}
        self._tidying = asyncio.Lock()

    def clear(self) -> None:
        """Remove all files; the folder is there afterwards, for this user alone."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)

    def give(self, visitor: str, paths: Iterable[str]) -> None:
        """Note files in the folder as a visitor's."""
        for path in paths:
            real = os.path.realpath(path)
            if real == path and Path(real).is_relative_to(self.folder):
                self._visitors.setdefault(path, set()).add(visitor)

    def check(self, visitor: str | None, given: Any) -> None:
        """Raise NotYours if there is a path in an event's values that is not the visitor's."""
        for path in paths_in(given):
            self.check_path(visitor, path)

    def check_path(self, visitor: str | None, path: Any) -> None:
        """Raise NotYours unless this is exactly a path that the visitor was told."""
        owners = self._visitors.get(path) if isinstance(path, str) else None
        if visitor is None or owners is None or visitor not in owners:
            raise NotYours(path)

    async def tidy(self, room: int = 0) -> None:
        """Remove what is old; then, oldest first, what leaves no room for so many bytes."""
        async with self._tidying:
            for path in await asyncio.to_thread(self._remove, room):
                self._visitors.pop(path, None)

    async def keep_tidy(self) -> None:
        """Tidy once a minute, for ever."""
        while True:
            await asyncio.sleep(_TIDIED_EVERY)
            await self.tidy()

    def _remove(self, room: int) -> list[str]:
        found = sorted(self._found())
        total, now, removed = sum(size for _, size, _ in found), time.time(), []
        for changed, size, path in found:
            if changed > now - KEPT_SECONDS and total <= self.max_bytes - room:
                break
            path.unlink(missing_ok=True)
            removed.append(str(path))
            total -= size
        for folder in self.folder.iterdir():
            # A young empty folder waits for the file of an upload that has just ended.
            if folder.is_dir() and folder.stat().st_mtime < now - _TIDIED_EVERY:
                _remove_if_empty(folder)
        return removed

    def _found(self) -> Iterator[tuple[float, int, Path]]:
        for place, _, names in os.walk(self.folder):
            for name in names:
                path = Path(place, name)
                try:
                    found = path.lstat()
                except FileNotFoundError:
                    continue
                yield found.st_ctime, max(found.st_size, _LEAST_BYTES), path


def paths_in(value: Any) -> Iterator[Any]:
    """Every ``path`` in an event's or an answer's values, however deep."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if "path" in one:
                yield one["path"]
            waiting.extend(one.values())
        elif isinstance(one, list | tuple):
            waiting.extend(one)


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return
