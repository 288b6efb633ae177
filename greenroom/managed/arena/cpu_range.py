"""A device range where there is no GPU: the same life in host memory."""

import psutil
import torch
from torch import Tensor

from greenroom.managed.host.pages import Pages
from greenroom.managed.host.shared_memory import SharedMemory


class CpuRange:
    """Addresses for `size` bytes of weights and, behind them, for as much as the machine has.

    The weights' pages are those of the host copy; one that the model writes to becomes its own,
    until an unmap. So a restore copies nothing and a hot model is in memory once. What is mapped
    counts as resident, as it would be on a device, though the pages stay when it is unmapped.
    """

    def __init__(self, size: int, weights: SharedMemory) -> None:
        self._size, self._weights = size, weights
        self._pages = Pages(size + psutil.virtual_memory().total)
        self.bytes = torch.frombuffer(self._pages.buffer(), dtype=torch.uint8)

    def map(self, size: int) -> None:
        """Let the first `size` bytes have memory; OutOfMemory if the system refuses."""
        if not self._pages.mapped and self._size:
            self._weights.show(self._pages, self._size, private=True)
        self._pages.map(size)

    def unmap(self) -> None:
        self._pages.withdraw()

    def send(self, weights: Tensor, begin: int, end: int) -> None:
        """The pages are there already."""

    def wait(self) -> None:
        """Nothing is under way."""

    def resident_bytes(self) -> int:
        return self._pages.resident_bytes()

    def overhead_bytes(self) -> int:
        """There is no device that could hold anything else."""
        return 0
