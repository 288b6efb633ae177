"""What an arena needs of a device."""

from typing import Protocol

from torch import Tensor


class DeviceRange(Protocol):
    """A range of device addresses that stay; the memory behind them comes and goes."""

    bytes: Tensor
    """uint8 over the whole range, most of which never has memory."""

    def map(self, size: int) -> None:
        """Let the first `size` bytes have memory, keeping what has it; OutOfMemory."""
        ...

    def unmap(self) -> None:
        """Give all memory back, once the device has done what was asked of it."""
        ...

    def send(self, weights: Tensor, begin: int, end: int) -> None:
        """Begin to copy these bytes of the weights (uint8, host) to the same place in the range.

        Several threads may do so.
        """
        ...

    def wait(self) -> None:
        """Until all that was sent has arrived."""
        ...

    def resident_bytes(self) -> int:
        """Bytes that have memory now."""
        ...

    def overhead_bytes(self) -> int:
        """What else this process holds on the device."""
        ...
