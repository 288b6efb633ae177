"""How a program of the load tests ends: by itself, by an error, or by a signal."""

import asyncio
import signal
import sys
from collections.abc import Coroutine
from typing import Any

from greenroom.errors import GreenroomError

INTERRUPTED = 130


def until_ended(work: Coroutine[Any, Any, int]) -> int:
    """Run to the end and return the exit status; a signal ends everything that was started."""
    try:
        return asyncio.run(_cancelled_by_signals(work))
    except asyncio.CancelledError:
        return INTERRUPTED
    except GreenroomError as error:
        print(f"The load test failed: {error}", file=sys.stderr)
        return 1


async def _cancelled_by_signals(work: Coroutine[Any, Any, int]) -> int:
    task = asyncio.current_task()
    assert task
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await work
