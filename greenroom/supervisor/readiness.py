"""Waits until a child that has just been started can serve, or has ended instead."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from greenroom.errors import SetupError
from greenroom.supervisor.child import Child
from greenroom.supervisor.wait_http import answers


async def ready(
    child: Child,
    url: str,
    *,
    socket: Path | None = None,
    within: float | None = None,
    not_yet: Callable[[str], None] = lambda reason: None,
) -> None:
    """Return when the URL answers 200.

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
