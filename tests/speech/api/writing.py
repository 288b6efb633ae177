"""Files as answers have them, written from sound that comes in pieces."""

import asyncio
import atexit

from greenroom_speech.api.formats import Formats
from greenroom_speech.codec.encoder import Encoder
from greenroom_speech.codec.process import CodecProcess

CODEC = CodecProcess()
"""Starts with the first file."""
atexit.register(CODEC.stop)


async def written(samples, rate, kind, size=2400, formats=None):
    """Return the parts of a file, that of the end last; `size` in samples is that of the pieces."""
    async with (formats or Formats(Encoder(CODEC))).opened(kind, rate) as file:
        parts = range(0, len(samples), size)
        return [await file.written(samples[at : at + size]) for at in parts] + [await file.end()]


def file_of(samples, rate, kind):
    """Return a whole file."""
    return b"".join(asyncio.run(written(samples, rate, kind)))
