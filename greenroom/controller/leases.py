"""Leases: asked for, waited for, and held until Triton's work on the request has ended.

::

    async with leases.lease(model) as lease:   asks and waits; who leaves meanwhile frees the place
        answer = await lease.run(send)         Triton works; it goes on when the client leaves
                                               inside nothing else has to be undone
    .. the lease ends here, or with the last of its work if the client has left before
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from greenroom.controller.background import Background
from greenroom.controller.clock import Clock
from greenroom.controller.healing import Healing
from greenroom.errors import BackendDied, GreenroomError
from greenroom.residency.model import Ticket
from greenroom.residency.stage import Stage
from greenroom.residency.states import Residency
from greenroom.tracing import Traces

_Answer = TypeVar("_Answer")

WhileWaiting = Callable[[Awaitable[None]], Awaitable[None]]
"""Awaits a lease, and gives it up by raising, when the client leaves for instance."""


class Lease:
    """A request's hold on its models. Not to be kept beyond the `async with` that gave it."""

    def __init__(
        self, ticket: Ticket, healing: Healing, background: Background, end: Callable[[], None]
    ) -> None:
        self._ticket = ticket
        self._healing = healing
        self._background = background
        self._then = [end]
        self._works: set[asyncio.Task[Any]] = set()
        self._left = False
        self._cut: GreenroomError | None = None

    @property
    def needs(self) -> tuple[str, ...]:
        """The steps of an ensemble, and the model asked for."""
        return self._ticket.needs

    @property
    def order(self) -> int:
        """The request's place among all that have asked."""
        return self._ticket.order

    @property
    def start(self) -> Residency:
        """Cold, warm or hot: the coldest of its models when it was asked for."""
        return self._ticket.start

    async def run(
        self, send: Callable[[], Coroutine[Any, Any, _Answer]], until_left: bool = False
    ) -> _Answer:
        """Let Triton work on the request; the work goes on, and the lease, when its client leaves.

        With `until_left` it is cancelled then: Triton drops what it has not begun, and ends the
        rest before it unloads the model.

        Raises what `send` raises, BackendDied when the process dies that works on it, and what it
        is cut off with: then the answer is not waited for.
        """
        if self._cut:
            raise self._cut
        work = asyncio.create_task(send())
        self._works.add(work)
        work.add_done_callback(self._ended)
        with self._background.guarded("Following a request in Triton"):
            self._healing.sent(self._ticket, work)
        try:
            # Not all of Triton's work can be called off, so it is cancelled only where it can.
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            # Either the client has left, or only the work was cancelled: cut off, or dead.
            task = asyncio.current_task()
            if work.cancelled() and not (task and task.cancelling()):
                raise (self._cut or BackendDied(self._ticket.model)) from None
            if until_left:
                work.cancel()
            raise
        except GreenroomError:
            if self._cut:  # in the middle of an answer
                raise self._cut from None
            raise

    def cut(self, error: GreenroomError) -> None:
        """Wait for Triton no longer: whoever awaits an answer gets this error instead."""
        self._cut = error
        for work in self._works:
            work.cancel()

    def then(self, call: Callable[[], None]) -> None:
        """Calls back once the lease has ended, in the order of these calls."""
        self._then.append(call)

    def leave(self) -> None:
        """End as soon as all work has."""
        self._left = True
        self._end_if_over()

    def _ended(self, work: asyncio.Task[Any]) -> None:
        self._works.discard(work)
        # The client may have left: then nobody else looks at the exception.
        error = None if work.cancelled() else work.exception()
        self._end_if_over()
        with self._background.guarded("Following a request in Triton"):
            self._healing.ended(self._ticket, work, None if self._cut else error)

    def _end_if_over(self) -> None:
        if self._left and not self._works:
            calls, self._then = self._then, []
            for call in calls:
                with self._background.guarded("Ending a lease"):
                    call()


class Leases:
    """Gives leases, and answers those who wait for one. `act` lets the stage decide."""

    def __init__(
        self,
        stage: Stage,
        healing: Healing,
        traces: Traces,
        background: Background,
        clock: Clock,
        act: Callable[[], None],
    ) -> None:
        self._stage = stage
        self._healing = healing
        self._traces = traces
        self._background = background
        self._clock = clock
        self._act = act
        self._waiting: dict[Ticket, asyncio.Future[None]] = {}
        self._held: dict[Ticket, Lease] = {}

    @asynccontextmanager
    async def lease(
        self,
        model: str,
        while_waiting: WhileWaiting | None = None,
        place: int | None = None,
        key: str = "",
    ) -> AsyncIterator[Lease]:
        """Ask for a model and its steps, wait, and hold them; see the module.

        `place` is the order of an earlier lease, for a request that is sent again; `key` names
        the API key that asks, where it has a share only.
        Raises Unavailable with the reason when it is refused.
        """
        ticket = await self._granted(model, while_waiting, place, key)
        lease = Lease(ticket, self._healing, self._background, lambda: self._ended(ticket))
        self._held[ticket] = lease
        try:
            yield lease
        finally:
            lease.leave()

    def answer(self, ticket: Ticket, error: GreenroomError | None = None) -> None:
        """Tell who waits that the ticket is a lease now, or why it will not be."""
        if (waiting := self._waiting.get(ticket)) is not None:
            resolve(waiting, error)

    def refuse_all(self, error: GreenroomError) -> None:
        """Requests that run already are left alone."""
        # Nothing is awaited in here, so nobody leaves `_waiting` meanwhile.
        for ticket, waiting in self._waiting.items():
            self._stage.leave(ticket)
            resolve(waiting, error)

    def cut(self, error: GreenroomError) -> list[str]:
        """Cut off all requests that run; the models that were asked for, one for each."""
        for lease in list(self._held.values()):
            lease.cut(error)
        return [ticket.model for ticket in self._held]

    def waiting_for(self, model: str) -> Iterator[Ticket]:
        return (ticket for ticket in self._waiting if model in ticket.needs)

    async def _granted(
        self, model: str, while_waiting: WhileWaiting | None, place: int | None, key: str
    ) -> Ticket:
        ticket = self._stage.ask(model, self._clock.now(), place, key)
        try:
            with self._background.span(self._traces.wait) as span:
                with self._background.guarded("A trace"):
                    span.asked(ticket)
                if ticket.granted_at is None:
                    waiting = asyncio.get_running_loop().create_future()
                    self._waiting[ticket] = waiting
                    self._act()
                    await (while_waiting(waiting) if while_waiting else waiting)
        except BaseException:  # a cancellation too: a place is freed however it is given up
            with self._background.guarded("Leaving the queue"):
                self._leave(ticket)
            raise
        finally:
            self._waiting.pop(ticket, None)
        return ticket

    def _leave(self, ticket: Ticket) -> None:
        """Give up a ticket; what loads for it goes on.

        A lease that was granted in the very moment in which its asker left is released.
        """
        if ticket.granted_at is not None:
            self._release(ticket)
        else:
            self._stage.leave(ticket)
            self._act()

    def _ended(self, ticket: Ticket) -> None:
        del self._held[ticket]
        self._release(ticket)

    def _release(self, ticket: Ticket) -> None:
        self._stage.release(ticket, self._clock.now())
        self._act()


def resolve(future: asyncio.Future[None], error: GreenroomError | None) -> None:
    """Answer who awaits it, if nobody has; the first answer counts."""
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
        future.exception()  # whoever asked may have left: then nobody is to be told
