"""Audio files as OpenAI's API has them in its answers, written as their sound comes."""

import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal, Protocol

import numpy as np

from greenroom_speech.codec.encoder import Encoder
from greenroom_speech.codec.recording import Samples

Format = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]
MEDIA_TYPE_OF: dict[Format, str] = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
_UNKNOWN = 0xFFFFFFFF
"""A wav's sizes, which nobody knows when it begins: all that comes is sound."""


class Writer(Protocol):
    """A file that is being written."""

    async def written(self, samples: Samples) -> bytes:
        """The file's next bytes after these samples [n]; what a frame lacks comes later."""

    async def end(self) -> bytes:
        """The file's last bytes."""


class Formats:
    """Writes the files of answers."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    @asynccontextmanager
    async def opened(self, kind: Format, rate: int) -> AsyncIterator[Writer]:
        """Begin a file of mono sound at `rate` in Hz; ``pcm`` is 16 bit, little-endian.

        Raises QueueFull, Unavailable.
        """
        if kind == "pcm":
            yield _Pcm(b"")
        elif kind == "wav":
            yield _Pcm(_wav_header(rate))
        else:
            async with self._encoder.opened(kind, rate) as file:
                yield file


class _Pcm:
    def __init__(self, header: bytes) -> None:
        self._header = header

    async def written(self, samples: Samples) -> bytes:
        header, self._header = self._header, b""
        whole = np.clip(np.rint(samples * 32768), -32768, 32767).astype("<i2")
        return header + bytes(whole.tobytes())

    async def end(self) -> bytes:
        return self._header


def _wav_header(rate: int) -> bytes:
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        _UNKNOWN,
        b"WAVE",
        b"fmt ",
        16,
        1,
        1,
        rate,
        2 * rate,
        2,
        16,
        b"data",
        _UNKNOWN,
    )
