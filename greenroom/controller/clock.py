"""The time as the controller sees it; tests put a manual one in its place."""

import asyncio
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """A callback that has not happened yet."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """Seconds that only grow, and callbacks at a point of them."""

    def now(self) -> float:
        """Seconds; only differences mean anything."""

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer: ...


class LoopClock:
    """The running event loop's clock."""

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        return asyncio.get_running_loop().call_at(when, callback)
