"""The bytes of all requests that the gateway holds at one time, bounded."""

from typing import Self

from greenroom.errors import QueueFull


class HeldBytes:
    """Counts what is being received, waits for a model, is in Triton's hands or being sent."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0

    def hold(self, size: int = 0) -> "Hold":
        """Count bytes until their last user lets go. Raises QueueFull over max_held_bytes."""
        hold = Hold(self)
        hold.add(size)
        return hold

    def take(self, size: int) -> None:
        """Count bytes until they are given back. Raises QueueFull over max_held_bytes."""
        if self._held + size > self._most:
            raise QueueFull(
                f"Requests of {self._held} bytes are held already; {size} bytes more "
                f"would exceed max_held_bytes ({self._most})."
            )
        self._held += size

    def keep(self, size: int) -> None:
        """Count bytes that are there already, such as of an answer, and cannot be refused."""
        self._held += size

    def give_back(self, size: int) -> None:
        self._held -= size


class Hold:
    """One request's bytes: counted once, however many use them, until the last one lets go.

    Whoever receives them is the first user. Triton's work is another: it goes on, with the same
    bytes, when the client has left and nobody else has them any more.
    """

    def __init__(self, held: HeldBytes) -> None:
        self._held = held
        self._size = 0
        self._users = 1

    def add(self, size: int) -> None:
        """Count more bytes. Raises QueueFull over max_held_bytes."""
        self._held.take(size)
        self._size += size

    def share(self) -> None:
        self._users += 1

    def let_go(self) -> None:
        self._users -= 1
        if not self._users:
            self._held.give_back(self._size)
            self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *of_exception: object) -> None:
        self.let_go()
