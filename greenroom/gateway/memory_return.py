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


async def returning_memory(held: HeldBytes) -> None:
    """Do so for ever; at once no more where the C library cannot (musl)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    seen = held.total
    while trim:
        await asyncio.sleep(_INTERVAL)
        if held.total - seen > _WORTH and held.now < _QUIET:
            seen = held.total
            await asyncio.to_thread(trim, 0)
