"""The weights in host memory, kept for good."""

import logging

import torch
from torch import Tensor

from greenroom.errors import GreenroomError
from greenroom.managed.host.pages import Pages
from greenroom.managed.host.shared_memory import SharedMemory

log = logging.getLogger("greenroom.arena")

_registered: list[Pages] = []
"""What CUDA knows of: it must not be given back, not even by the garbage collector."""


class HostCopy:
    """`size` bytes: pages that are pinned for a GPU, or what a CPU's range shows too."""

    def __init__(self, size: int, memory: Pages | SharedMemory) -> None:
        """Of some memory, the begin of which may have been filled already."""
        self.memory = memory
        memory.map(size)
        self.bytes = torch.frombuffer(memory.buffer(), dtype=torch.uint8)[:size]
        pages = memory if isinstance(memory, Pages) else None
        self._pinned = pages if size and pages is not None and _pin(pages, size) else None

    def write(self, data: Tensor, offset: int) -> None:
        """Set the bytes from offset on to those of a flat contiguous tensor."""
        raw = data.view(torch.uint8)
        if isinstance(self.memory, SharedMemory):
            self.memory.write(memoryview(raw.numpy().data), offset)
        else:
            self.bytes[offset : offset + raw.numel()].copy_(raw)

    def resident_bytes(self) -> int:
        """Bytes in memory; what was never written is not."""
        return self.memory.resident_bytes()

    def close(self) -> None:
        if self._pinned is not None:
            from greenroom.managed.arena.cuda_driver import call

            call("cuMemHostUnregister", self._pinned.address)
            _registered.remove(self._pinned)
            self._pinned = None
        self.memory.withdraw()


def _pin(pages: Pages, size: int) -> bool:
    """Register memory with CUDA, so that it is copied at full speed and asynchronously."""
    from greenroom.managed.arena.cuda_driver import call

    try:
        call("cuMemHostRegister", pages.address, size, 0)
    except GreenroomError as error:
        log.warning("The host copy is not pinned, so a restore takes longer: %s", error)
        return False
    _registered.append(pages)
    return True
