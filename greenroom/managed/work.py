"""What a stepped model has in hand, and which of it gets the engine's rows."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from greenroom.managed.stepped_engine import Row


@dataclass(eq=False)
class Work:
    """One answer in the making: a stream's, or that of a request without STREAM."""

    arrival: tuple[float, int]
    """Unix time, and the order of those that came at one time."""
    whole: bool
    """Nobody takes a piece before the end."""
    stream: str | None = None
    """The stream's id."""
    row: Row | None = None
    """None: the engine has not begun it."""
    error: Exception | None = None
    begun: bool = False
    """It was stepped, or goes on with what an earlier stream of its request began."""
    waiter: int | None = None
    """Correlation id of the request that waits for the answer or the next piece."""
    request: Any = None
    """That request, while it is in this execute: between two it is another object."""
    pieces: int = 0
    """Pieces that were handed over."""
    touched: float = 0.0
    """When a request of it was last here, by the monotonic clock."""
    execute: int = 0
    """In which execute that was."""

    @property
    def failure(self) -> Exception | None:
        return self.error or (self.row.error if self.row is not None else None)

    @property
    def answerable(self) -> bool:
        """Who waits can be answered now."""
        if self.failure is not None:
            return True
        if self.row is None:
            return False
        return self.row.done or (self.row.ready and not self.whole)

    @property
    def wants_steps(self) -> bool:
        """A step is of use. One piece is computed ahead of who pulls, and no more."""
        if self.answerable:
            return False
        return self.row is not None or self.request is not None


def chosen(works: Iterable[Work], rows: int) -> list[Work]:
    """What the engine's rows go to: streams that have begun, then by arrival."""
    wanting = [work for work in works if work.wants_steps]
    wanting.sort(key=lambda work: (not (work.stream and work.begun), work.arrival))
    return wanting[:rows]
