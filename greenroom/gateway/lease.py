"""One request's way: place in the queue, lease, forward, release, and what was measured.

::

    ask -> (wait) -> lease -> send ----------------------> answer
                       |        '- client leaves: Triton runs on, so does the lease
                       '- Triton or the model's process dies: wait, lease, send once more
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from starlette.requests import ClientDisconnect

from greenroom.controller.controller import Controller
from greenroom.controller.leases import Lease, WhileWaiting
from greenroom.errors import BackendDied, DiedMidAnswer, GreenroomError, ServerDown
from greenroom.gateway.held_bytes import HeldBytes
from greenroom.residency.states import Residency
from greenroom.settings import Settings

_Answer = TypeVar("_Answer")


class Leased:
    """Runs requests under leases; their bytes are held until Triton has ended with them."""

    def __init__(self, controller: Controller, settings: Settings) -> None:
        self.held = HeldBytes(settings.max_held_bytes)
        self._controller = controller
        self._traces = controller.traces

    async def run(
        self,
        model: str,
        protocol: str,
        size: int,
        send: Callable[[], Awaitable[_Answer]],
        *,
        while_waiting: WhileWaiting | None = None,
        status: Callable[[_Answer], int] = lambda answer: 200,
    ) -> _Answer:
        """Send a request of `size` bytes under a lease and return the answer.

        `status` reads an answer's HTTP status, or what it would be there.
        A model that no repository has needs no lease: Triton says what is to be said.
        Raises what `send` raises, or Unavailable when no lease is to be had.
        """
        if not self._controller.knows(model):
            with self.held.holding(size):
                return await send()

        request = _Request(model, size, send, while_waiting)
        with self._traces.request(model, protocol) as span:
            try:
                answer = await self._replayed(request)
                request.outcome = _outcome(status(answer))
                return answer
            except GreenroomError as error:
                if request.outcome == "refused":
                    self._controller.metrics.refusals.labels(model, error.reason).inc()
                else:
                    request.outcome = _outcome(error.http_status)
                raise
            except (asyncio.CancelledError, ClientDisconnect):
                request.outcome = "cancelled"
                raise
            finally:
                self._measured(request, protocol)
                span.answered(request.outcome, request.start)

    async def _replayed(self, request: "_Request[_Answer]") -> _Answer:
        """Send it, and once more if Triton or the model's process died with it."""
        try:
            return await self._sent(request)
        except (ServerDown, BackendDied) as died:
            if request.outcome == "refused" or isinstance(died, DiedMidAnswer):
                raise
            request.outcome = "refused"
            if isinstance(died, ServerDown):
                await self._controller.triton_monitor.check()
        try:
            return await self._sent(request)
        except DiedMidAnswer:
            raise
        except BackendDied as died:
            raise BackendDied(died.instance, again=True) from died

    async def _sent(self, request: "_Request[_Answer]") -> _Answer:
        async with self._lease(request) as lease:
            request.start, request.outcome = lease.start, "failed"
            waited = self._controller.metrics.wait_seconds.labels(request.model, lease.start)
            waited.observe(time.perf_counter() - request.arrived)
            return await lease.run(lambda: self._inferred(request.send))

    @asynccontextmanager
    async def _lease(self, request: "_Request[_Answer]") -> AsyncIterator[Lease]:
        """A lease, the request's bytes held while it is waited for and until it has ended."""
        with ExitStack() as bytes_:
            bytes_.enter_context(self.held.holding(request.size))
            async with self._controller.lease(request.model, request.while_waiting) as lease:
                lease.then(bytes_.pop_all().close)
                yield lease

    async def _inferred(self, send: Callable[[], Awaitable[_Answer]]) -> _Answer:
        with self._traces.infer():
            return await send()

    def _measured(self, request: "_Request[_Answer]", protocol: str) -> None:
        metrics = self._controller.metrics
        metrics.requests.labels(request.model, protocol, request.outcome).inc()
        if request.start is not None and request.outcome == "served":
            seconds = metrics.request_seconds.labels(request.model, request.start)
            seconds.observe(time.perf_counter() - request.arrived)


@dataclass
class _Request(Generic[_Answer]):
    """One request and how far it has come."""

    model: str
    size: int
    send: Callable[[], Awaitable[_Answer]]
    while_waiting: WhileWaiting | None
    arrived: float = field(default_factory=time.perf_counter)
    start: Residency | None = None
    outcome: str = "refused"


def _outcome(status: int) -> str:
    """Tell an answer that was good, a request that can not be, and what is our failure."""
    if status < 400:
        return "served"
    return "invalid" if status < 500 else "failed"
