"""One way to ask the synchronous and the asynchronous client."""

import asyncio
from collections.abc import Callable
from typing import Any

from greenroom_client import AsyncClient, Client

Ask = Callable[..., Any]
Options = dict[str, Any]


def at(url: str, options: Options | None) -> Options:
    """Return the arguments of a client."""
    return {"url": url, **(options or {})}


def by_sync(url: str) -> Ask:
    """Return ``ask(method, *args, client=options, **kwargs)``."""

    def ask(method: str, *args: Any, client: Options | None = None, **kwargs: Any) -> Any:
        with Client(**at(url, client)) as one:
            return getattr(one, method)(*args, **kwargs)

    return ask


def by_async(url: str) -> Ask:
    """Return the same by the asynchronous client."""

    async def talk(method: str, args: Any, client: Options, kwargs: Options) -> Any:
        async with AsyncClient(**client) as one:
            return await getattr(one, method)(*args, **kwargs)

    def ask(method: str, *args: Any, client: Options | None = None, **kwargs: Any) -> Any:
        return asyncio.run(talk(method, args, at(url, client), kwargs))

    return ask
