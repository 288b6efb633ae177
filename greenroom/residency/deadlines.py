"""Moments at which something is due, by key, in a heap: the next one is found without a search."""

from collections.abc import Set
from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

_Key = TypeVar("_Key", int, str)

_SPARE = 64
"""Entries of the heap that may be out of date before it is made anew, beyond as many as count."""


class Deadlines(Generic[_Key]):
    """One moment for each key; setting another one leaves the old entry in the heap for a while.

    What is due stays due until its key is set anew.
    """

    def __init__(self) -> None:
        self._at: dict[_Key, float] = {}
        self._heap: list[tuple[float, _Key]] = []
        self._due: set[_Key] = set()

    def set(self, key: _Key, at: float | None) -> None:
        """Set a key's moment; None: it has none."""
        if self._at.get(key) == at:
            return
        self._due.discard(key)
        if at is None:
            del self._at[key]
            return
        self._at[key] = at
        heappush(self._heap, (at, key))
        if len(self._heap) > 2 * len(self._at) + _SPARE:
            self._heap = [(at, key) for key, at in self._at.items() if key not in self._due]
            heapify(self._heap)

    def due(self, now: float) -> Set[_Key]:
        while self._heap and self._heap[0][0] <= now:
            at, key = heappop(self._heap)
            if self._at.get(key) == at:
                self._due.add(key)
        return self._due

    def next(self, now: float) -> float | None:
        """The earliest moment after `now`."""
        self.due(now)
        while self._heap:
            at, key = self._heap[0]
            if self._at.get(key) == at:
                return at
            heappop(self._heap)
        return None
