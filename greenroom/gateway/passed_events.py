"""A generate_stream request that Triton answers by itself, its events passed on as they come.

Triton works on when the client has left, and so does the lease; what it says then is dropped.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress

from greenroom.errors import BackendDied, DiedMidAnswer, ServerDown, Unavailable
from greenroom.triton.http_client import TritonAnswer

Take = Callable[[bytes], None]


async def passed_events(
    model: str,
    send: Callable[[Take], Awaitable[TritonAnswer]],
    leased: Callable[[Callable[[], Awaitable[TritonAnswer]]], Awaitable[TritonAnswer]],
) -> AsyncGenerator[bytes, None]:
    """What Triton answers to `send`, which `leased` runs under a lease.

    Raises what Triton says before the first event, and what ends the answer after it.
    """
    # Without a bound: however slowly the client reads, Triton's work and the lease end.
    parts: asyncio.Queue[bytes | None] = asyncio.Queue()
    begun, left = False, False

    def take(part: bytes) -> None:
        nonlocal begun
        begun = True
        if not left:
            parts.put_nowait(part)

    async def sent() -> TritonAnswer:
        try:
            return await send(take)
        except asyncio.CancelledError:  # its process has died
            if begun:
                raise DiedMidAnswer(model) from None
            raise
        except BackendDied as died:
            raise DiedMidAnswer(died.instance) if begun else died from None
        except ServerDown as down:
            if not begun:
                raise
            raise Unavailable("Triton stopped in the middle of the answer.") from down

    running = asyncio.ensure_future(leased(sent))
    running.add_done_callback(lambda _: parts.put_nowait(None))
    try:
        while (part := await parts.get()) is not None:
            yield part
        if not (answer := running.result()).good:
            raise answer.error
    finally:
        left = True
        running.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await running
