"""Notices that a server whose process lives does not answer any more."""

import asyncio
from pathlib import Path

import aiohttp

from greenroom.addresses import connector

_LOOKS = 4
"""How often it is asked within the time after which it counts as hanging."""
_LONGEST_INTERVAL = 2.0


async def hanging(url: str, longest: float, socket: Path | None = None) -> None:
    """Returns when no GET has been answered for `longest` seconds, whatever the answer.

    With 0 it never returns. With a `socket` it is asked through that.
    """
    if not longest:
        await asyncio.Event().wait()
    clock = asyncio.get_running_loop().time
    interval = min(longest / _LOOKS, _LONGEST_INTERVAL)
    answered = clock()
    async with aiohttp.ClientSession(connector=connector(socket)) as session:
        while True:
            # If this process itself stood still, the other has not had its chance yet: neither
            # before it is asked, nor if the time is over for longer than it can be.
            asked = clock()
            left = max(interval, answered + longest - asked)
            try:
                async with session.get(url, timeout=aiohttp.ClientTimeout(total=left)):
                    answered = clock()
            except (aiohttp.ClientError, TimeoutError):
                now = clock()
                if now - answered >= longest and now - asked < left + interval:
                    return
            await asyncio.sleep(interval)
