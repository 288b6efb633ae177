"""The gateway's side of writing: pieces of sound go in, the bytes of a file come out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from greenroom.errors import GreenroomError, QueueFull
from greenroom_speech.codec.limits import MOST_ENCODERS, WINDOW_SECONDS
from greenroom_speech.codec.messages import ENCODED, PIECE
from greenroom_speech.codec.process import Channel, CodecProcess, EndedAlone
from greenroom_speech.codec.recording import Samples


class FileWriter:
    """A file that is being written. Raises GreenroomError if what writes it ends."""

    def __init__(self, process: CodecProcess, channel: Channel, rate: int) -> None:
        self._process = process
        self._channel = channel
        self._most = WINDOW_SECONDS * rate

    async def written(self, samples: Samples) -> bytes:
        """The file's next bytes after these samples [n]; what a frame lacks comes later."""
        parts = range(0, len(samples), self._most)
        return b"".join([await self._asked(samples[at : at + self._most]) for at in parts])

    async def end(self) -> bytes:
        """The file's last bytes."""
        return await self._asked(None)

    async def _asked(self, samples: Samples | None) -> bytes:
        size = 0 if samples is None else len(samples)
        try:
            async with self._process.turn():
                await self._channel.send(PIECE.pack(size))
                if samples is not None:
                    await self._channel.send(samples.astype("<f4").tobytes())
                (nbytes,) = ENCODED.unpack(await self._channel.received(ENCODED.size))
                return await self._channel.received(nbytes)
        except EndedAlone:
            raise GreenroomError(
                "The sound could not be encoded; send the request again."
            ) from None


class Encoder:
    """Writes audio files, each in a process of its own."""

    def __init__(self, process: CodecProcess) -> None:
        self._process = process
        self._files = 0

    @asynccontextmanager
    async def opened(self, kind: str, rate: int) -> AsyncIterator[FileWriter]:
        """Begin a file: mp3, opus, aac or flac, of mono sound at `rate` in Hz.

        Raises QueueFull, Unavailable.
        """
        if self._files >= MOST_ENCODERS:
            raise QueueFull(
                f"{self._files} audio files are being written already, the most that are "
                "allowed at one time; try again."
            )
        self._files += 1
        try:
            with await self._process.forked({"kind": kind, "rate": rate}) as channel:
                yield FileWriter(self._process, channel, rate)
        finally:
            self._files -= 1
