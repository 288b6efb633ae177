"""The bytes of all requests that the gateway holds at one time, bounded."""

from collections import Counter
from collections.abc import Iterable
from threading import Lock
from typing import Any, Self

from greenroom.errors import QueueFull
from greenroom.gateway.asking import KEY

_OF_FIELD = 200
"""Bytes of memory that a header or a field of metadata takes beside its own."""


def size_of_fields(fields: Iterable[tuple[Any, Any]]) -> int:
    """Bytes of memory that headers, or a call's metadata, take while the request lasts."""
    return sum(len(name) + len(value) + _OF_FIELD for name, value in fields)


class HeldBytes:
    """Counts what is being received, waits for a model, is in Triton's hands or being sent.

    `share`: bytes that the requests of one API key may have, where there are several; None: all.
    """

    def __init__(self, most: int, share: int | None = None) -> None:
        self._most = most
        self._share = most if share is None else share
        self._held = 0
        self.total = 0
        """All bytes that were counted since the start."""
        self._of: Counter[str] = Counter()
        self._lock = Lock()  # what is unpacked in a thread is counted there

    @property
    def now(self) -> int:
        return self._held

    def hold(self, size: int = 0, key: str | None = None) -> "Hold":
        """Count bytes until their last user lets go; of the request at hand, unless told whose.

        Raises QueueFull over max_held_bytes, or over its key's share of them; not for none yet.
        """
        hold = Hold(self, KEY.get() if key is None else key)
        if size:
            hold.add(size)
        return hold

    def take(self, size: int, key: str) -> None:
        """Count bytes until they are given back. Raises QueueFull as `hold` does."""
        with self._lock:
            if full := self.full(key, size):
                raise QueueFull(full)
            self._count(size, key)

    def keep(self, size: int, key: str) -> None:
        """Count bytes that are there already, such as of an answer, and cannot be refused."""
        with self._lock:
            self._count(size, key)

    def give_back(self, size: int, key: str) -> None:
        self.keep(-size, key)

    def full(self, key: str, size: int = 0) -> str | None:
        """Why no more may be taken; of none more if what cannot be refused has gone over."""
        if self._held + size > self._most:
            return (
                f"Requests already take {self._held} bytes of memory; {size} bytes more "
                f"would exceed max_held_bytes ({self._most})."
            )
        if key and self._of[key] + size > self._share:
            return (
                f"Requests of this API key already take {self._of[key]} bytes of memory; {size} "
                f"bytes more would exceed its share ({self._share}) of max_held_bytes "
                f"({self._most})."
            )
        return None

    def _count(self, size: int, key: str) -> None:
        self._held += size
        self.total += max(0, size)
        if key:
            self._of[key] += size


class Hold:
    """One request's bytes: counted once, however many use them, until the last one lets go.

    Whoever receives them is the first user. Triton's work is another: it goes on, with the same
    bytes, when the client has left and nobody else has them any more.
    """

    def __init__(self, held: HeldBytes, key: str) -> None:
        self._held = held
        self._key = key
        self._size = 0
        self._users = 1

    def add(self, size: int) -> None:
        """Count more bytes. Raises QueueFull over max_held_bytes or the key's share of them."""
        self._held.take(size, self._key)
        self._size += size

    def keep(self, size: int) -> None:
        """Count more bytes that are there already and cannot be refused, such as an answer."""
        self._held.keep(size, self._key)
        self._size += size

    def share(self) -> None:
        self._users += 1

    def let_go(self) -> None:
        self._users -= 1
        if not self._users:
            self._held.give_back(self._size, self._key)
            self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *of_exception: object) -> None:
        self.let_go()
