"""Messages of gRPC calls, taken and given within bounds.

grpc.aio tells nothing of a message until all of it is there, or taken. What comes of one is seen
at its connection (`grpc_receiving`); the clock of sending is for whole messages. A call whose
handler does not read is given no more of its message than the transport's window.
"""

import asyncio
from collections.abc import AsyncIterator, Callable

from greenroom.errors import InvalidInput, QueueFull, TooLarge, TooSlow
from greenroom.gateway.grpc_receiving import Awaited, GrpcReceiving
from greenroom.gateway.held_bytes import HeldBytes
from greenroom.gateway.json_head import unpacked_body
from greenroom.gateway.logged_request import LOGGED_REQUEST
from greenroom.grpc_types import Context
from greenroom.settings import Settings

_PACKED = (b"\x1f", b"\x78")
"""How gzip and deflate begin, and no message of Triton's service does."""
_MOST_OF_PROBES = 4
"""Messages of probes, which bring no key, that are received at one time."""
_MOST_PROBES = 256
"""Probes that wait for that; nothing counts their metadata."""
_MOST_OF_PROBE = 2**18
"""Bytes of a connection's unfinished messages, all of probes, that are taken."""
_PROBE_SECONDS = 5.0
"""Seconds for a probe's message, which has a name of a model."""


class GrpcMessages:
    """Receives and sends messages; `held` counts those that are being sent."""

    def __init__(self, settings: Settings, held: HeldBytes) -> None:
        self.held = held
        self._most = settings.max_request_bytes
        self._receive_seconds = settings.receive_timeout
        self._send_seconds = settings.send_timeout
        self.receiving = GrpcReceiving(held)
        self._reads_probe = asyncio.Semaphore(_MOST_OF_PROBES)
        self._probes = 0

    async def received(self, context: Context) -> bytes:
        """The message of a unary call. Raises TooSlow when none of it came for receive_timeout."""
        with self.receiving.awaiting(context.peer()) as awaited:
            return await self._received(context, awaited, self._receive_seconds, slowly=True)

    async def received_of_probe(self, context: Context) -> bytes:
        """The message of a call that anybody may make, read after those of a few others.

        Raises QueueFull when many wait for that, TooSlow after 5 s.
        """
        if self._probes >= _MOST_PROBES:
            raise QueueFull(f"{self._probes} health calls wait, the most that are allowed.")
        seconds = min(_PROBE_SECONDS, self._receive_seconds)
        self._probes += 1
        try:
            async with self._reads_probe:
                with self.receiving.awaiting(context.peer(), _MOST_OF_PROBE) as awaited:
                    return await self._received(context, awaited, seconds, slowly=False)
        finally:
            self._probes -= 1

    async def _received(
        self, context: Context, awaited: Awaited, seconds: float, *, slowly: bool
    ) -> bytes:
        reading = asyncio.ensure_future(_read(context))
        before = awaited.received
        try:
            while not (await asyncio.wait((reading,), timeout=seconds))[0]:
                if not slowly or not self.receiving.gave(awaited, before):
                    raise TooSlow(
                        f"The message did not arrive: no byte of it came for {seconds:g} s; "
                        f"GREENROOM_RECEIVE_TIMEOUT is {self._receive_seconds:g}."
                    )
                before = awaited.received
        finally:
            reading.cancel()
        if (message := reading.result()) is None:
            raise InvalidInput("The call contains no message.")
        self.receiving.complete(awaited, len(message))
        return await self._unpacked(message)

    async def stream(
        self, context: Context, idle_since: Callable[[], float | None]
    ) -> AsyncIterator[bytes]:
        """A stream's messages; `idle_since`: since when nothing is under way, or None.

        Raises TooSlow when it has been idle, and no byte came, for receive_timeout.
        """
        clock = asyncio.get_running_loop().time
        with self.receiving.awaiting(context.peer()) as awaited:
            while True:
                reading, began = asyncio.ensure_future(_read(context)), clock()
                before = awaited.received
                try:
                    while not reading.done():
                        await asyncio.wait((reading,), timeout=self._receive_seconds)
                        since = idle_since()
                        quiet = since is not None and clock() - max(since, began)
                        if reading.done() or not quiet or quiet < self._receive_seconds:
                            continue
                        if not self.receiving.gave(awaited, before):
                            raise TooSlow(
                                "The stream was idle: no request ran and no message came for "
                                f"receive_timeout ({self._receive_seconds:g} s)."
                            )
                        before = awaited.received
                finally:
                    reading.cancel()
                if (message := reading.result()) is None:
                    return
                self.receiving.complete(awaited, len(message))
                yield await self._unpacked(message)

    async def _unpacked(self, message: bytes) -> bytes:
        """A packed message as it was. Raises TooLarge where little becomes much."""
        if message[:1] not in _PACKED:
            return message
        unpacked = await asyncio.to_thread(unpacked_body, message, "gzip")
        if len(unpacked) > self._most:
            raise TooLarge(f"The message has more than max_request_bytes ({self._most}) bytes.")
        return unpacked

    async def send(self, context: Context, message: bytes, *, counted: bool = False) -> None:
        """Write a message, counted until it is taken, unless it is already.

        After send_timeout the client is cut off.
        """
        if asked := LOGGED_REQUEST.get():
            asked.bytes += len(message)
        with self.held.hold() as hold:
            hold.keep(0 if counted else len(message))
            try:
                async with asyncio.timeout(self._send_seconds):
                    await context.write(message)
            except TimeoutError:
                self.receiving.cut_off(context.peer(), "did not read its answer")
                await asyncio.Event().wait()  # for gRPC, which cancels calls of a lost connection


async def _read(context: Context) -> bytes | None:
    message = await context.read()
    return message if isinstance(message, bytes) else None  # at EOF
