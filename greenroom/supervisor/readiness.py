"""Waits until a child that has just been started can serve, or has ended instead."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import aiohttp

from greenroom.addresses import connector
from greenroom.errors import SetupError
from greenroom.supervisor.child import Child

_INTERVAL = 0.02
_LONGEST_INTERVAL = 0.1
_TRY_TIMEOUT = aiohttp.ClientTimeout(total=5)


async def ready(
    child: Child,
    url: str,
    *,
    socket: Path | None = None,
    within: float | None = None,
    not_yet: Callable[[str], None] = lambda reason: None,
) -> None:
    """Returns when the URL answers 200.

    Raises SetupError with the child's last lines if it ends before, or if it has not answered
    after `within` seconds; None: it may take any time. `not_yet` gets the text of other answers.
    """
    answered = asyncio.create_task(answers(url, not_yet, socket))
    ended = asyncio.create_task(child.wait())
    try:
        await asyncio.wait({answered, ended}, timeout=within, return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            why = f"ended with exit status {ended.result()} before it was ready"
        elif not answered.done():
            why = f"was not ready after {within} s"
        else:
            return answered.result()
    finally:
        answered.cancel()
        ended.cancel()
    raise SetupError(
        f"The process {child.name} {why}; its last lines were:\n{await child.last_words()}"
    )


async def answers(
    url: str,
    not_yet: Callable[[str], None] = lambda reason: None,
    socket: Path | None = None,
) -> None:
    """Returns when a GET has been answered with 200.

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
