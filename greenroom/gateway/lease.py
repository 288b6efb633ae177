"""One request's way: place in the queue, lease, forward, release, and what was measured.

::

    ask -> (wait) -> lease -> send ----------------------> answer
                       |        '- client leaves: Triton runs on, so does the lease
                       '- Triton or the model's process dies: wait, lease, send once more
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect

from greenroom.controller.controller import Controller
from greenroom.errors import BackendDied, DiedMidAnswer, GreenroomError, ServerDown
from greenroom.gateway.held_bytes import HeldBytes
from greenroom.residency.model import Ticket
from greenroom.settings import Settings

_Answer = TypeVar("_Answer")

WhileWaiting = Callable[[Awaitable[None]], Awaitable[None]]
"""Awaits a lease, and gives it up when the client leaves."""


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
        with self._traces.request(model, protocol) as span:
            arrived = time.perf_counter()
            outcome, ticket = "refused", None
            try:
                with self.held.holding(size):
                    ticket = await self._lease(model, arrived, while_waiting)
                outcome = "failed"
                try:
                    answer = await self._sent(ticket, size, send)
                except DiedMidAnswer:
                    raise
                except (ServerDown, BackendDied) as died:
                    outcome = "refused"
                    with self.held.holding(size):
                        if isinstance(died, ServerDown):
                            await self._controller.following.check()
                        ticket = await self._lease(model, arrived, while_waiting)
                    outcome = "failed"
                    answer = await self._sent_again(ticket, size, send)
                outcome = _outcome(status(answer))
                return answer
            except GreenroomError as error:
                if outcome == "refused":
                    self._controller.metrics.refusals.labels(model, error.reason).inc()
                else:
                    outcome = _outcome(error.http_status)
                raise
            except (asyncio.CancelledError, ClientDisconnect):
                outcome = "cancelled"
                raise
            finally:
                self._measured(model, protocol, outcome, ticket, time.perf_counter() - arrived)
                span.answered(outcome, ticket)

    async def _lease(
        self, model: str, arrived: float, while_waiting: WhileWaiting | None
    ) -> Ticket:
        with self._traces.wait() as span:
            ticket = self._controller.ask(model)
            span.asked(ticket)
            if ticket.granted_at is None:
                try:
                    waiting = self._controller.granted(ticket)
                    await (while_waiting(waiting) if while_waiting else waiting)
                except BaseException:
                    self._controller.leave(ticket)
                    raise
        seconds = time.perf_counter() - arrived
        self._controller.metrics.wait_seconds.labels(model, ticket.start).observe(seconds)
        return ticket

    async def _sent(
        self, ticket: Ticket, size: int, send: Callable[[], Awaitable[_Answer]]
    ) -> _Answer:
        """Send to the end, whether or not the client stays for it; then release.

        The end may be that of the model's process: then the answer is not waited for.
        """
        self.held.keep(size)
        work = asyncio.ensure_future(self._inferred(send))
        self._controller.healing.sent(ticket, work)
        work.add_done_callback(lambda done: self._ended(ticket, size, done))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if work.cancelled() and not (task and task.cancelling()):
                raise BackendDied(ticket.model) from None
            raise

    async def _inferred(self, send: Callable[[], Awaitable[_Answer]]) -> _Answer:
        with self._traces.infer():
            return await send()

    async def _sent_again(
        self, ticket: Ticket, size: int, send: Callable[[], Awaitable[_Answer]]
    ) -> _Answer:
        try:
            return await self._sent(ticket, size, send)
        except DiedMidAnswer:
            raise
        except BackendDied as died:
            raise BackendDied(died.instance, again=True) from died

    def _ended(self, ticket: Ticket, size: int, done: asyncio.Future[Any]) -> None:
        self.held.give_back(size)
        # The client may have left: then nobody else looks at the exception.
        error = None if done.cancelled() else done.exception()
        self._controller.release(ticket)
        self._controller.healing.ended(ticket, error)

    def _measured(
        self, model: str, protocol: str, outcome: str, ticket: Ticket | None, seconds: float
    ) -> None:
        metrics = self._controller.metrics
        metrics.requests.labels(model, protocol, outcome).inc()
        if ticket is not None and outcome == "served":
            metrics.request_seconds.labels(model, ticket.start).observe(seconds)


def _outcome(status: int) -> str:
    """Tell an answer that was good, a request that can not be, and what is our failure."""
    if status < 400:
        return "served"
    return "invalid" if status < 500 else "failed"
