"""Work that is one item ahead of who uses it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import TypeVar

_Item = TypeVar("_Item")


@asynccontextmanager
async def one_ahead(source: AsyncGenerator[_Item, None]) -> AsyncIterator[AsyncIterator[_Item]]:
    """The items of `source`, the next one in work while one is used; its work ends with this."""
    coming = [asyncio.create_task(_next(source))]

    async def items() -> AsyncIterator[_Item]:
        while found := await coming[0]:
            coming[0] = asyncio.create_task(_next(source))
            yield found[0]

    async with aclosing(source):
        try:
            yield items()
        finally:
            coming[0].cancel()
            await asyncio.gather(coming[0], return_exceptions=True)


async def _next(source: AsyncGenerator[_Item, None]) -> tuple[_Item] | None:
    """None at the end."""
    async for item in source:
        return (item,)
    return None
