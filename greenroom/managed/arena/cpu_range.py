"""A device range where there is no GPU: the same life in host memory."""

import psutil
from torch import Tensor

from greenroom.managed.arena.pages import Pages


class CpuRange:
    """Addresses for `size` bytes of weights and, behind them, for as much as the machine has."""

    def __init__(self, size: int) -> None:
        self._pages = Pages(size + psutil.virtual_memory().total)
        self.bytes = self._pages.bytes

    def map(self, size: int) -> None:
        """Let the first `size` bytes have memory; OutOfMemory if the system refuses."""
        self._pages.map(size)

    def unmap(self) -> None:
        self._pages.withdraw()

    def fill(self, weights: Tensor) -> None:
        self.bytes[: weights.numel()].copy_(weights)

    def resident_bytes(self) -> int:
        return self._pages.resident_bytes()

    def overhead_bytes(self) -> int:
        """There is no device that could hold anything else."""
        return 0
