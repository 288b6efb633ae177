"""Memory that can be mapped more than once: files without names, in memory (Linux)."""

import errno
import os
import weakref
from collections.abc import Iterator

from greenroom.errors import OutOfMemory
from greenroom.managed.host.file_part import FilePart
from greenroom.managed.host.pages import Pages

SEGMENT = 2**28
"""Bytes of one file: the kernel lets one thread at a time write to each."""


class SharedMemory:
    """Bytes that a CPU's range shows too, without a copy.

    They are written as files are: so the kernel takes pages without clearing them first, and
    without a page fault for each.
    """

    def __init__(self) -> None:
        self._files: list[int] = []
        weakref.finalize(self, _close, self._files).atexit = False
        self._pages: Pages | None = None

    def map(self, size: int) -> None:
        """Make room for `size` bytes."""
        while len(self._files) * SEGMENT < size:
            self._files.append(os.memfd_create("greenroom-weights"))
            os.ftruncate(self._files[-1], SEGMENT)

    def show(self, pages: Pages, size: int, *, private: bool) -> None:
        """Map the first `size` bytes into other pages; private: until they are written to there.

        Raises OutOfMemory if the system refuses.
        """
        for number, file in enumerate(self._files):
            begin = number * SEGMENT
            if begin < size:
                pages.map_file(file, begin, min(SEGMENT, size - begin), private=private)

    def read(self, source: FilePart, offset: int) -> None:
        """Fill the bytes from offset on; SetupError if the file ends early."""
        for file, at, done, size in self._parts(offset, source.size):
            # Opened anew: sendfile writes where a file stands, and each thread needs its own place.
            target = os.open(f"/proc/self/fd/{file}", os.O_WRONLY)
            try:
                os.lseek(target, at, os.SEEK_SET)
                _send(target, source.part(done, size))
            except OSError as error:
                raise _refusal(error, size) from None
            finally:
                os.close(target)

    def write(self, data: memoryview, offset: int) -> None:
        """Set the bytes from offset on."""
        for file, at, done, size in self._parts(offset, len(data)):
            part = data[done : done + size]
            while part:
                try:
                    got = os.pwrite(file, part, at)
                except OSError as error:
                    raise _refusal(error, size) from None
                part, at = part[got:], at + got

    def buffer(self) -> memoryview:
        """All bytes, writable. None are added later."""
        if self._pages is None:
            size = len(self._files) * SEGMENT
            self._pages = Pages(size)
            self.show(self._pages, size, private=False)
        return self._pages.buffer()

    def resident_bytes(self) -> int:
        """Bytes in memory; what was never written is not."""
        return sum(os.fstat(file).st_blocks for file in self._files) * 512

    def withdraw(self) -> None:
        """Give all memory back that nobody else shows; the bytes must not be touched any more."""
        if self._pages is not None:
            self._pages.withdraw()
        _close(self._files)

    def _parts(self, offset: int, size: int) -> Iterator[tuple[int, int, int, int]]:
        """The file, the byte in it, and from where on how many of the bytes belong there."""
        done = 0
        while done < size:
            number, at = divmod(offset + done, SEGMENT)
            part = min(size - done, SEGMENT - at)
            yield self._files[number], at, done, part
            done += part


def _send(target: int, source: FilePart) -> None:
    done = 0
    while done < source.size:
        at = source.begin + done
        got = os.sendfile(target, source.descriptor, at, source.size - done)
        if not got:
            raise source.ended(at)
        done += got


def _close(files: list[int]) -> None:
    while files:
        os.close(files.pop())


def _refusal(error: OSError, size: int) -> Exception:
    if error.errno in (errno.ENOMEM, errno.ENOSPC):
        return OutOfMemory(f"{size} bytes of memory were asked for; the system refused them.")
    return error
