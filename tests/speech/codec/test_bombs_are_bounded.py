"""Files that become gigabytes, as the decoder's process and its caller meet them."""

import asyncio
import os

import pytest
from bombs import BOMBS
from grown import Grown

from greenroom.errors import InvalidInput, TooLarge

pytestmark = pytest.mark.long

MOST = 64 * 2**20
REFUSED = {
    "flac of 4 hours": {30},
    "flac that says 50 days": {30, 14_400},
    "ogg of 255 channels": {30, 14_400},
    "mp3 that says 3 years": {30, 14_400},
    "wav of 65,535 channels": {30, 14_400},
    "wav of 1,024 channels": {30, 14_400},
    "wav at 4 GHz": {30, 14_400},
    "wav at 2 GHz": {30, 14_400},
    "wav at 1 Hz": {30, 14_400},
    "mp4 of many samples": {30, 14_400},
    "mp4 with a long table": {30, 14_400},
}


async def read(decoder, content, longest):
    """Return whether a file was read to its end, window by window."""
    try:
        async with decoder.opened(content, "file", longest) as sound:
            async for window in sound.windows():
                assert len(window) <= 30 * sound.rate <= 30 * 48_000
    except (InvalidInput, TooLarge):
        return False
    return True


@pytest.mark.parametrize("name", BOMBS)
async def test_no_file_takes_more_than_64_mb(decoder, name):
    content = BOMBS[name]()
    decoder.process.start()
    with Grown([os.getpid()]) as grown:
        for longest in (30, 14_400):
            assert await read(decoder, content, longest) == (longest not in REFUSED.get(name, ()))
    assert grown.bytes < MOST + 4 * len(content)


async def test_six_at_once_take_no_more_than_six_times_that(decoder):
    content = BOMBS["flac of 8 channels at 655,350 Hz"]()
    decoder.process.start()
    with Grown([os.getpid()]) as grown:
        assert all(await asyncio.gather(*(read(decoder, content, 30) for _ in range(6))))
    assert grown.bytes < 6 * MOST
