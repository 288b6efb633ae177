"""The bytes of all requests that the gateway holds at one time, bounded."""

from collections.abc import Iterator
from contextlib import contextmanager

from greenroom.errors import QueueFull


class HeldBytes:
    """Counts what is being received, waits for a model, or is in Triton's hands."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0

    def take(self, size: int) -> None:
        """Count bytes until they are given back. Raises QueueFull over max_held_bytes."""
        if self._held + size > self._most:
            raise QueueFull(
                f"Requests of {self._held} bytes are held already; {size} bytes more "
                f"would exceed max_held_bytes ({self._most})."
            )
        self._held += size

    def keep(self, size: int) -> None:
        """Count bytes that have been admitted before and can not be refused any more."""
        self._held += size

    def give_back(self, size: int) -> None:
        """Count them no longer."""
        self._held -= size

    @contextmanager
    def holding(self, size: int) -> Iterator[None]:
        """Count bytes while inside. Raises QueueFull over max_held_bytes."""
        self.take(size)
        try:
            yield
        finally:
            self.give_back(size)
