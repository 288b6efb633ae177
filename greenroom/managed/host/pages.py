"""Pages of anonymous memory at addresses that stay: reserved, mapped, withdrawn, counted.

Python's own mmap can neither reserve without access nor map at a given address, so these
are the system calls themselves (Linux).
"""

import ctypes
import errno
import mmap
import os
import weakref

import numpy as np

from greenroom.errors import OutOfMemory
from greenroom.managed.host.file_part import FilePart

PAGE = mmap.PAGESIZE
_NO_ACCESS = 0
_MAP_FIXED = 0x10
_MREMAP_MAYMOVE_FIXED = 1 | 2
_FAILED = ctypes.c_void_p(-1).value

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = (
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_long,
)
_libc.mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
_libc.mremap.restype = ctypes.c_void_p
_libc.mremap.argtypes = (
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_size_t,
    ctypes.c_int,
    ctypes.c_void_p,
)
_libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
_libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
_libc.mincore.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)


class Pages:
    """A reserved address range whose first ``mapped`` bytes have memory behind them.

    The range is given back when this and every view of its ``buffer`` are gone. Touching what is
    not mapped is a segmentation fault.
    """

    def __init__(self, size: int, *, huge: bool = False) -> None:
        """Reserve `size` bytes; huge: a page fault per 2 MiB, where the kernel can."""
        self.size = max(_whole_pages(size), PAGE)
        self.mapped = 0
        self.address = _without_access(None, self.size)
        if huge:
            _libc.madvise(self.address, self.size, mmap.MADV_HUGEPAGE)
        buffer = (ctypes.c_ubyte * self.size).from_address(self.address)
        weakref.finalize(buffer, _libc.munmap, self.address, self.size).atexit = False
        self._buffer = buffer

    def buffer(self) -> memoryview:
        """The whole range, writable where it is mapped."""
        return memoryview(self._buffer)

    def read(self, source: FilePart, offset: int) -> None:
        """Fill the bytes from offset on; SetupError if the file ends early."""
        source.read_into(self.buffer()[offset : offset + source.size])

    def map(self, size: int) -> None:
        """Let the first `size` bytes have memory; OutOfMemory if the system refuses."""
        end = _whole_pages(size)
        if end <= self.mapped:
            return
        begin, length = self.address + self.mapped, end - self.mapped
        # Not a new mapping: one that is refused could leave a hole, for others to fill.
        if _libc.mprotect(begin, length, mmap.PROT_READ | mmap.PROT_WRITE):
            raise _refusal(length)
        self.mapped = end

    def map_file(self, descriptor: int, begin: int, size: int, *, private: bool) -> None:
        """Let `size` bytes from begin on be a file's; private: each page until it is written to.

        Raises OutOfMemory if the system refuses.
        """
        length, access = _whole_pages(size), mmap.PROT_READ | mmap.PROT_WRITE
        kind = mmap.MAP_PRIVATE if private else mmap.MAP_SHARED
        made = _libc.mmap(None, length, access, kind, descriptor, 0)
        if made == _FAILED:
            raise _refusal(length)
        # Moved there: a mapping in place that is refused could leave a hole, for others to fill.
        place = self.address + begin
        if _libc.mremap(made, length, length, _MREMAP_MAYMOVE_FIXED, place) == _FAILED:
            refusal = _refusal(length)
            _libc.munmap(made, length)
            raise refusal
        self.mapped = max(self.mapped, begin + length)

    def withdraw(self) -> None:
        """Give all memory back to the system and keep the addresses."""
        if self.mapped:
            _without_access(self.address, self.mapped)
            self.mapped = 0

    def resident_bytes(self) -> int:
        """Bytes in memory now; pages never touched are not."""
        if not self.mapped:
            return 0
        present = np.empty(self.mapped // PAGE, np.uint8)
        if _libc.mincore(self.address, self.mapped, present.ctypes.data):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return int(np.count_nonzero(present & 1)) * PAGE


def _without_access(address: int | None, size: int) -> int:
    """Map fresh pages, in place of what is at `address` if that is given."""
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | (0 if address is None else _MAP_FIXED)
    got: int = _libc.mmap(address, size, _NO_ACCESS, flags, -1, 0)
    if got == _FAILED:
        raise _refusal(size)
    return got


def _refusal(size: int) -> Exception:
    code = ctypes.get_errno()
    if code == errno.ENOMEM:
        return OutOfMemory(f"{size} bytes of memory were asked for; the system refused them.")
    return OSError(code, os.strerror(code))


def _whole_pages(size: int) -> int:
    return -(-size // PAGE) * PAGE
