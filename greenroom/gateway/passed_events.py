"""A generate_stream request that Triton answers by itself, its events passed on as they come.

Triton works on when the client has left, and so does the lease; what it says then is dropped.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable

from greenroom.errors import BackendDied, DiedMidAnswer, ServerDown, Unavailable
from greenroom.gateway.held_bytes import HeldBytes
from greenroom.gateway.stream_answers import StreamAnswers
from greenroom.triton.http_client import TritonAnswer

Take = Callable[[bytes], Awaitable[None]]


async def passed_events(
    model: str,
    held: HeldBytes,
    send: Callable[[Take], Awaitable[TritonAnswer]],
    leased: Callable[[Callable[[], Awaitable[TritonAnswer]]], Awaitable[TritonAnswer]],
) -> AsyncGenerator[bytes, None]:
    """What Triton answers to `send`, which `leased` runs under a lease.

    Raises what Triton says before the first event, and what ends the answer after it.
    """
    answers = StreamAnswers(held)
    begun = False

    async def take(part: bytes) -> None:
        nonlocal begun
        begun = True
        await answers.put(part)

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

    async def run() -> TritonAnswer:
        try:
            return await leased(sent)
        finally:
            await answers.put(None)

    running = asyncio.create_task(run())
    try:
        async for part in answers:
            yield part
        if not (answer := await running).good:
            raise answer.error
    finally:
        answers.leave()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
