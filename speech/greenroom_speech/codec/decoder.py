"""The gateway's side of reading: a file goes in, windows come out as they are asked for."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import numpy as np

from greenroom.errors import InvalidInput, QueueFull, TooLarge
from greenroom.plugin import Held
from greenroom_speech.codec.limits import MOST_FILES
from greenroom_speech.codec.messages import NEXT, Head
from greenroom_speech.codec.process import Channel, CodecProcess, EndedAlone
from greenroom_speech.codec.recording import Recording, Samples

logger = logging.getLogger(__name__)

_ITEM_BYTES = 4


Reader = Callable[[bytes, str], Awaitable[Recording]]
"""Reads the recording in a file's content; the text names it in errors."""


class OpenAudioFile:
    """An open file."""

    def __init__(self, decoder: "Decoder", channel: Channel, field: str, size: int) -> None:
        self._decoder = decoder
        self._channel = channel
        self._field = field
        self._size = size
        self.rate = 0
        """Samples a second of every window, at most 48,000."""
        self.told_seconds: float | None = None
        """How long it lasts, as the file says; None where it does not."""

    async def windows(self) -> AsyncIterator[Samples]:
        """Mono samples [n] in [-1, 1], at most 30 s each, the last window shorter.

        A window's bytes count as held until the next is asked for. Raises InvalidInput, TooLarge
        as soon as the file turns out to be damaged or too long; QueueFull.
        """
        while True:
            async with AsyncExitStack() as turn:
                await turn.enter_async_context(self._decoder.process.turn())
                head = await self._next()
                with self._decoder.held.hold(head.size * _ITEM_BYTES):
                    window = np.empty(head.size, np.float32)
                    await self._fill(window.view(np.uint8).data)
                    await turn.aclose()
                    if not head.size:
                        return
                    taken = [window]
                    del window  # whoever takes it says how long it lives
                    yield taken.pop()

    async def begin(self) -> None:
        """Wait until the file is open."""
        head = await self._head()
        self.rate = head.rate
        self.told_seconds = head.size / head.rate or None

    async def _next(self) -> Head:
        try:
            await self._channel.send(NEXT)
        except EndedAlone:
            raise self._unreadable() from None
        return await self._head()

    async def _head(self) -> Head:
        content = bytearray(Head.FORM.size)
        await self._fill(memoryview(content))
        head = Head.unpacked(bytes(content))
        if head.kind in (Head.OPENED, Head.WINDOW):
            return head
        text = bytearray(head.size)
        await self._fill(memoryview(text))
        if head.kind == Head.TOO_LONG:
            raise TooLarge(f"{self._field} {text.decode()}")
        if head.kind == Head.NO_SOUND:
            raise InvalidInput(f"{self._field} {text.decode()}")
        logger.warning("The decoder failed on a file of %d bytes: %r", self._size, text.decode())
        raise self._unreadable()

    async def _fill(self, room: memoryview) -> None:
        try:
            await self._channel.fill(room)
        except EndedAlone:
            raise self._unreadable() from None

    def _unreadable(self) -> InvalidInput:
        return InvalidInput(
            f"{self._field} ({self._size} bytes) cannot be read: the decoder failed, or needed "
            f"too much time or memory."
        )


class Decoder:
    """Reads audio files, each in a process of its own."""

    def __init__(self, process: CodecProcess, held: Held) -> None:
        self.process = process
        self.held = held
        self._files = 0

    @asynccontextmanager
    async def opened(
        self, content: bytes, field: str, longest: float
    ) -> AsyncIterator[OpenAudioFile]:
        """Open the content of an audio file; `longest` in seconds.

        Raises InvalidInput naming `field` for what is no sound, TooLarge for what says that it
        lasts longer, QueueFull, Unavailable.
        """
        if self._files >= MOST_FILES:
            raise QueueFull(
                f"{self._files} audio files are being read already, the most that are "
                "allowed at one time; try again."
            )
        size = len(content)
        self._files += 1
        try:
            with self.held.hold(size):
                async with self._begun(content, field, longest) as sound:
                    yield sound
        finally:
            self._files -= 1

    async def recording(self, content: bytes, field: str, longest: float) -> Recording:
        """All of a file's sound; raises as `opened` and `Sound.windows` do."""
        async with self.opened(content, field, longest) as sound:
            windows = [window async for window in sound.windows()]
            samples = windows[0] if len(windows) == 1 else np.concatenate(windows)
            return Recording(samples, sound.rate)

    @asynccontextmanager
    async def _begun(
        self, content: bytes, field: str, longest: float
    ) -> AsyncIterator[OpenAudioFile]:
        async with self.process.turn():
            file = await asyncio.to_thread(_file, content)
            try:
                channel = await self.process.forked({"longest": longest}, file)
            finally:
                os.close(file)
            sound = OpenAudioFile(self, channel, field, len(content))
            try:
                await sound.begin()
            except BaseException:
                channel.__exit__()
                raise
        with channel:
            yield sound


def _file(content: bytes) -> int:
    """A descriptor of the content in memory, for the caller to close."""
    file = os.memfd_create("audio")
    left = memoryview(content)
    while left:
        left = left[os.write(file, left) :]
    return file
