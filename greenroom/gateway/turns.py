"""Whose turn it is to parse what has been received before."""

import asyncio
from collections import deque
from collections.abc import Callable


class Turns:
    """One connection goes on in each round of the event loop, in the order in which they came.

    So who has just asked waits for one of them, however many have sent more than is parsed.
    """

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()

    def wait(self, go_on: Callable[[], None]) -> None:
        self._waiting.append(go_on)
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        go_on = self._waiting[0]
        try:
            go_on()
        finally:
            self._waiting.popleft()
            if self._waiting:
                asyncio.get_running_loop().call_soon(self._next)
