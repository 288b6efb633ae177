"""Work that a visitor may stop."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from greenroom_speech.ui.gateway_client import GatewayError


class StoppableWork:
    """Runs at most once; whoever has it can stop it, and the gateway notices that nobody waits."""

    stopped = False
    """Nobody wants it any more."""

    def __init__(self) -> None:
        self._task: asyncio.Task[Any] | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """What `stop` ends, with a GatewayError."""
        self._task = asyncio.current_task()
        try:
            yield
        except asyncio.CancelledError:
            if self.stopped:
                raise GatewayError("It was stopped.") from None
            raise
        finally:
            self._task = None

    def stop(self) -> None:
        if self._task:
            self.stopped = True
            self._task.cancel()


def stop(work: StoppableWork | None) -> None:
    """What a button does with a tab's latest work."""
    if work:
        work.stop()
