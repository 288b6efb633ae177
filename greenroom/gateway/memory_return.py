"""Gives memory back to the system after a burst of requests.

The C library keeps what is freed below anything that is in use: without this, what a burst of large
bodies took would be this process's for ever.
"""

import asyncio
import ctypes

from greenroom.gateway.held_bytes import HeldBytes

_INTERVAL = 5.0
_WORTH = 16 * 2**20
"""Bytes that have been held since the last time, for which it is worth the milliseconds."""
_QUIET = 2**20
"""Bytes that may be held: a burst is over."""


_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
"""Not in every C library: musl has none."""


def return_memory() -> None:
    """Give back what is free now; takes milliseconds, without the interpreter's lock."""
    if _trim:
        _trim(0)


async def returning_memory(held: HeldBytes) -> None:
    """Do so after each burst, for ever."""
    seen = held.total
    while True:
        await asyncio.sleep(_INTERVAL)
        if held.total - seen > _WORTH and held.now < _QUIET:
            seen = held.total
            await asyncio.to_thread(return_memory)
