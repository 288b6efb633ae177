"""The answers in pieces to one request, until its client takes them."""

import asyncio
from collections.abc import AsyncIterator

from greenroom.gateway.held_bytes import HeldBytes, Hold

_MOST_AHEAD = 8
"""Answers that wait for a client: a model that streams by itself is read no faster."""


class StreamAnswers:
    """Counts as held what waits; when the client has left, the rest goes nowhere."""

    def __init__(self, held: HeldBytes) -> None:
        self._held = held
        self._waiting: asyncio.Queue[tuple[bytes | None, Hold]] = asyncio.Queue(_MOST_AHEAD)
        self._left = False

    async def put(self, answer: bytes | None) -> None:
        """Add the next one, None after the last; waits while many wait for the client."""
        hold = self._held.hold()
        hold.keep(len(answer or b""))
        try:
            await self._waiting.put((answer, hold))
        except BaseException:
            hold.let_go()
            raise
        if self._left:
            self.leave()

    def leave(self) -> None:
        """The client has left."""
        self._left = True
        while not self._waiting.empty():
            self._waiting.get_nowait()[1].let_go()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            answer, hold = await self._waiting.get()
            with hold:
                if answer is None:
                    return
                yield answer
