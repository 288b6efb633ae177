"""Notices that the client of an HTTP request has left."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive

_Result = TypeVar("_Result")


async def unless_left(receive: Receive, awaited: Awaitable[_Result]) -> _Result:
    """Await it; when the client leaves first, cancel it and raise ClientDisconnect.

    `receive` is the request's. What comes of a body meanwhile is thrown away; raises its errors.
    """
    waiting = asyncio.ensure_future(awaited)
    leaving = asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait((waiting, leaving), return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            return waiting.result()
        leaving.result()
        raise ClientDisconnect
    finally:
        waiting.cancel()
        leaving.cancel()
        # Whoever is cancelled in here still learns it: gather hands that on, a suppress would not.
        await asyncio.gather(waiting, leaving, return_exceptions=True)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
