"""The weights in host memory, kept for good."""

import logging

import torch

from greenroom.errors import GreenroomError
from greenroom.managed.arena.pages import Pages

log = logging.getLogger("greenroom.arena")

_registered: list[Pages] = []
"""What CUDA knows of: it must not be given back, not even by the garbage collector."""


class HostCopy:
    """`size` bytes of anonymous memory, pinned where there is a GPU to copy them to."""

    def __init__(self, size: int, device: torch.device) -> None:
        # CUDA pins page by page, so fewer are sooner done.
        self._pages = Pages(size, huge=device.type == "cuda")
        self._pages.map(size)
        self.bytes = self._pages.bytes[:size]
        # An arena for a GPU is made after its range, which made CUDA's context the thread's.
        self._pinned = size > 0 and device.type == "cuda" and _pin(self._pages, size)

    def resident_bytes(self) -> int:
        """Bytes in memory; what was never written is not."""
        return self._pages.resident_bytes()

    def close(self) -> None:
        if self._pinned:
            from greenroom.managed.arena.cuda_driver import call

            call("cuMemHostUnregister", self._pages.address)
            _registered.remove(self._pages)
            self._pinned = False
        self._pages.withdraw()


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
