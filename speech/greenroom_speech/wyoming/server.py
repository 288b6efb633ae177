"""Accepts connections, as many as there is room for; each is a conversation."""

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from wyoming.error import Error
from wyoming.event import Event, async_write_event

from greenroom_speech.wyoming.conversation import Conversation
from greenroom_speech.wyoming.frames import LINE_BYTES, BadFrame, FrameReader, HttpProbe
from greenroom_speech.wyoming.voice_gateway import VoiceGateway

logger = logging.getLogger(__name__)

MOST_CONNECTIONS = 64
_THERE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


class WyomingServer:
    """Who only looks whether it is there may do so over HTTP."""

    def __init__(self, gateway: VoiceGateway) -> None:
        self._gateway = gateway
        self._open: set[asyncio.Task[None]] = set()
        self._sounds: Counter[object] = Counter()

    @asynccontextmanager
    async def listening(self, on: socket.socket) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._met, sock=on, limit=LINE_BYTES)
        try:
            yield
        finally:
            server.close()
            for task in self._open:
                task.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)

    async def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        full = len(self._open) >= MOST_CONNECTIONS
        self._open.add(task)
        try:
            if full:
                sentence = f"{MOST_CONNECTIONS} connections are open, the most that are allowed."
                await async_write_event(Error(sentence, "full").event(), writer)
            else:
                await self._converse(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            return
        finally:
            self._open.discard(task)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frames = FrameReader(reader)
        async with Conversation(self._gateway, writer, self._sounds) as conversation:
            try:
                while (event := await _next(frames, conversation)) is not None:
                    await conversation.take(event)
            except HttpProbe:
                writer.write(_THERE)
                await writer.drain()
            except TimeoutError:
                logger.info("A connection without events was closed")
            except BadFrame as bad:
                await async_write_event(Error(str(bad), "bad-frame").event(), writer)


async def _next(frames: FrameReader, conversation: Conversation) -> Event | None:
    """As `Frames.next`; a client that waits for its answer need not say anything."""
    while True:
        try:
            return await frames.next()
        except TimeoutError:
            if not conversation.busy:
                raise
