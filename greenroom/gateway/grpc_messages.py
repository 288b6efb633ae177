"""Messages of gRPC calls, taken and given within bounds.

grpc.aio tells nothing of a message until all of it is there, or taken. So the clocks run for whole
messages, and a message counts as held when it has come. A call whose handler does not read is
given no more of its message than the transport's window.
"""

import asyncio
from collections.abc import AsyncIterator, Callable

from greenroom.errors import InvalidInput, TooSlow
from greenroom.gateway.cut_off import cut_off
from greenroom.gateway.held_bytes import HeldBytes
from greenroom.grpc_types import Context
from greenroom.settings import Settings

_MOST_OF_PROBES = 4
"""Messages of probes, which bring no key, that are received at one time."""
_PROBE_SECONDS = 5.0
"""Seconds for a probe's message, which has a name of a model."""


class GrpcMessages:
    """Receives and sends messages; `held` counts those that are being sent."""

    def __init__(self, settings: Settings, held: HeldBytes) -> None:
        self.held = held
        self._receive_seconds = settings.receive_timeout
        self._send_seconds = settings.send_timeout
        self._probes = asyncio.Semaphore(_MOST_OF_PROBES)

    async def received(self, context: Context) -> bytes:
        """The message of a unary call. Raises TooSlow after receive_timeout."""
        return await self._received(context, self._receive_seconds)

    async def received_of_probe(self, context: Context) -> bytes:
        """The message of a call that anybody may make, read after those of a few others."""
        async with self._probes:
            return await self._received(context, min(_PROBE_SECONDS, self._receive_seconds))

    async def _received(self, context: Context, seconds: float) -> bytes:
        try:
            async with asyncio.timeout(seconds):
                message = await context.read()
        except TimeoutError:
            raise TooSlow(
                f"The message did not arrive within {seconds:g} s; GREENROOM_RECEIVE_TIMEOUT is "
                f"{self._receive_seconds:g}."
            ) from None
        if not isinstance(message, bytes):  # EOF
            raise InvalidInput("The call brings no message.")
        return message

    async def stream(
        self, context: Context, idle_since: Callable[[], float | None]
    ) -> AsyncIterator[bytes]:
        """A stream's messages; `idle_since`: since when nothing is under way, or None.

        Raises TooSlow when it has been idle, and no whole message came, for receive_timeout.
        """
        clock = asyncio.get_running_loop().time
        while True:
            reading, began = asyncio.ensure_future(_read(context)), clock()
            try:
                while not reading.done():
                    await asyncio.wait((reading,), timeout=self._receive_seconds)
                    since = idle_since()
                    quiet = since is not None and clock() - max(since, began)
                    if not reading.done() and quiet and quiet >= self._receive_seconds:
                        raise TooSlow(
                            "Nothing was under way in this stream and no message came for "
                            f"receive_timeout ({self._receive_seconds:g} s)."
                        )
            finally:
                reading.cancel()
            if (message := reading.result()) is None:
                return
            yield message

    async def send(self, context: Context, message: bytes) -> None:
        """Write a message, counted until it is taken. After send_timeout the client is cut off."""
        self.held.keep(len(message))
        try:
            async with asyncio.timeout(self._send_seconds):
                await context.write(message)
        except TimeoutError:
            cut_off(context.peer())
            await asyncio.Event().wait()  # for gRPC, which cancels the calls of a lost connection
        finally:
            self.held.give_back(len(message))


async def _read(context: Context) -> bytes | None:
    message = await context.read()
    return message if isinstance(message, bytes) else None  # at EOF
