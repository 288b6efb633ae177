"""Work that runs beside, and book-keeping: what breaks there is logged and counted, no more.

Whoever waits is answered first; whatever then goes wrong in what is written down of it must
not reach the next one who waits.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from prometheus_client import Counter

from greenroom.tracing import Span

logger = logging.getLogger(__name__)


class Background:
    """Runs tasks and guards calls; `errors` counts those that broke."""

    def __init__(self, errors: Counter) -> None:
        self._errors = errors
        # The event loop holds a task only weakly: not kept here, one could vanish while it runs.
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self, what: str, work: Coroutine[Any, Any, None]) -> None:
        """Until it ends or `close`; what breaks is logged by the name `what`, and counted."""
        task = asyncio.create_task(self._run(what, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @contextmanager
    def guarded(self, what: str) -> Iterator[None]:
        """Go on after the block whatever it raises, a cancellation excepted."""
        try:
            yield
        except Exception:
            self.broke(what)

    @contextmanager
    def span(self, opened: Callable[[], AbstractContextManager[Span]]) -> Iterator[Span]:
        """Open a span; what is spanned does not notice when the span breaks."""
        made, span = None, Span()
        with self.guarded("A trace"):
            made = opened()
            span = made.__enter__()
        try:
            yield span
        except BaseException as error:
            if made is not None:
                self._close(made, error)
            raise
        if made is not None:
            self._close(made)

    def _close(
        self, span: AbstractContextManager[Span], error: BaseException | None = None
    ) -> None:
        try:
            span.__exit__(type(error) if error else None, error, None)
        except BaseException as raised:
            if raised is not error and isinstance(raised, Exception):
                self.broke("A trace")

    def broke(self, what: str) -> None:
        """Log the exception that is being handled, and count it."""
        self._errors.inc()
        logger.exception("%s failed unexpectedly", what)

    async def close(self) -> None:
        """Cancels what runs, and returns once all of it has ended."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, what: str, work: Coroutine[Any, Any, None]) -> None:
        with self.guarded(what):
            await work
