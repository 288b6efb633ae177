"""Waits until an HTTP address answers 200."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import aiohttp

from greenroom.addresses import connector

_INTERVAL = 0.02
_LONGEST_INTERVAL = 0.5
_TRY_TIMEOUT = aiohttp.ClientTimeout(total=5)


async def answers(
    url: str,
    not_yet: Callable[[str], None] = lambda reason: None,
    socket: Path | None = None,
) -> None:
    """Return when a GET has been answered with 200.

    Any other answer's text goes to `not_yet`, once as long as it stays the same. With a
    `socket` it is asked through that. Waits for ever; the caller bounds it.
    """
    interval, told = _INTERVAL, None
    async with aiohttp.ClientSession(connector=connector(socket), timeout=_TRY_TIMEOUT) as session:
        while True:
            try:
                async with session.get(url) as response:
                    if response.status == 200:
                        return
                    text = await response.text()
                    if text != told:
                        not_yet(text)
                        told = text
            except (aiohttp.ClientError, TimeoutError):
                pass
            await asyncio.sleep(interval)
            interval = min(interval * 1.2, _LONGEST_INTERVAL)
