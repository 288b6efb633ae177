"""One request's way: place in the queue, lease, forward, release, and what was measured.

::

    ask -> (wait) -> lease -> send ----------------------> answer
                       |        '- client leaves: Triton runs on, so does the lease
                       '- Triton or the model's process dies: wait, lease, send once more
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TypeVar

from starlette.requests import ClientDisconnect

from greenroom.controller.controller import Controller
from greenroom.controller.leases import Lease, WhileWaiting
from greenroom.controller.suspects import RequestForm, SentRequest
from greenroom.errors import BackendDied, Cancelled, DiedMidAnswer, GreenroomError, ServerDown
from greenroom.gateway.asking import KEY
from greenroom.gateway.held_bytes import HeldBytes, Hold
from greenroom.gateway.logged_request import LOGGED_REQUEST
from greenroom.gateway.stream_watch import StreamWatch
from greenroom.gateway.walk import RawPiece, Walk
from greenroom.residency.states import Residency
from greenroom.settings import Settings

_Answer = TypeVar("_Answer")


class Leased:
    """Runs requests under leases; their bytes are held until Triton has ended with them."""

    def __init__(self, controller: Controller, settings: Settings) -> None:
        self.held = HeldBytes(settings.max_held_bytes, settings.held_of_key)
        self._controller = controller
        self._settings = settings
        self._traces = controller.traces

    async def run(
        self,
        model: str,
        protocol: str,
        size: int,
        send: Callable[[], Awaitable[_Answer]],
        *,
        hold: Hold | None = None,
        while_waiting: WhileWaiting | None = None,
        status: Callable[[_Answer], int] = lambda answer: 200,
        form: RequestForm | None = None,
        until_left: bool = False,
    ) -> _Answer:
        """Send a request under a lease and return the answer; see `request` and `Lease.run`.

        `status` reads an answer's HTTP status, or what it would be there; `form` is for the log,
        and to know a request again of which Triton died.
        A model that no repository has needs no lease: Triton says what is to be said.
        Raises what `send` raises, or Unavailable when no lease can be given.
        """
        if not self._controller.knows(model):
            with self._shared(hold) as shared:
                shared.add(size)
                return await send()
        async with self.request(model, protocol, size, hold, while_waiting, form) as request:
            answer = await request.send(send, until_left)
            request.status = status(answer)
        return answer

    @asynccontextmanager
    async def request(
        self,
        model: str,
        protocol: str,
        size: int,
        hold: Hold | None = None,
        while_waiting: WhileWaiting | None = None,
        form: RequestForm | None = None,
    ) -> AsyncIterator["LeasedRequest"]:
        """Lease the model for one request, which is measured and traced.

        `size` are its bytes beyond those that `hold` counts. All count until Triton has ended
        with the request. Raises Unavailable when no lease can be given.
        """
        with self._traces.request(model, protocol) as span, self._shared(hold) as shared:
            watch = StreamWatch(self._controller, self._settings, model)
            sent = SentRequest(model, form)
            request = LeasedRequest(self._controller, sent, shared, while_waiting, watch)
            try:
                shared.add(size)
                await request.begin()
                yield request
                request.outcome = _outcome(request.status)
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
                await request.end()
                self._measured(request, protocol)
                span.answered(request.outcome, request.start)

    def _shared(self, hold: Hold | None) -> Hold:
        if hold is None:
            return self.held.hold()
        hold.share()
        return hold

    def _measured(self, request: "LeasedRequest", protocol: str) -> None:
        metrics = self._controller.metrics
        metrics.requests.labels(request.model, protocol, request.outcome).inc()
        if request.start is not None and request.outcome == "served":
            seconds = metrics.request_seconds.labels(request.model, request.start)
            seconds.observe(time.perf_counter() - request.arrived)
        if asked := LOGGED_REQUEST.get():
            whole = time.perf_counter() - request.arrived
            waited = whole if request.waited is None else request.waited
            asked.leased(request.model, request.start, waited, whole - waited, request.outcome)


class LeasedRequest:
    """One request, its lease, and how far it has come."""

    def __init__(
        self,
        controller: Controller,
        sent: SentRequest,
        hold: Hold,
        while_waiting: WhileWaiting | None,
        watch: StreamWatch,
    ) -> None:
        self.model = sent.model
        self.arrived = time.perf_counter()
        self.start: Residency | None = None
        self.waited: float | None = None
        """Seconds from its arrival to its lease, the first if it was sent again."""
        self.needs: tuple[str, ...] = ()
        """The models that are held; none before `begin`."""
        self.status = 200
        self.outcome = "refused"
        self._controller = controller
        self._request = sent
        self._place: int | None = None
        self._hold = hold
        self._while_waiting = while_waiting
        self._watch = watch
        self._lease: Lease | None = None
        self._leased = AsyncExitStack()
        self._leasing = asyncio.Lock()
        self._over = False

    async def begin(self) -> None:
        """Wait for the lease. Raises Unavailable with the reason when it is refused."""
        self.outcome = "refused"
        self._controller.suspects.check(self._request)
        leasing = self._controller.lease(self.model, self._while_waiting, self._place, KEY.get())
        lease = self._lease = await self._leased.enter_async_context(leasing)
        # The lease uses the bytes too, beyond the client's leaving, and lets go with its own end.
        self._hold.share()
        lease.then(self._hold.let_go)
        self._place, self.needs = lease.order, lease.needs
        self.start, self.outcome = lease.start, "failed"
        waited = time.perf_counter() - self.arrived
        self._controller.metrics.wait_seconds.labels(self.model, lease.start).observe(waited)
        self.waited = waited if self.waited is None else self.waited

    async def send(
        self, send: Callable[[], Awaitable[_Answer]], until_left: bool = False
    ) -> _Answer:
        """Let Triton work; once more, under a new lease, if Triton or the model's process died.

        A lease may have many answers, over hours and at once; each may be sent for twice.
        """
        sent = replace(self._request)
        lease = await self._current()
        try:
            return await self._sent(lease, sent, send, until_left)
        except DiedMidAnswer:
            raise
        except (ServerDown, BackendDied) as died:
            if self._lease is lease:  # of those who share it, the first gives it back
                self.outcome = "refused"
                await self._leave()
            if isinstance(died, ServerDown):
                await self._controller.triton_monitor.check()
            again = self._controller.suspects.sent_again(sent, died, self._while_waiting)
        async with again:
            lease = await self._current()
            try:
                return await self._sent(lease, sent, send, until_left)
            except DiedMidAnswer:
                raise
            except BackendDied as died:
                raise BackendDied(died.instance, again=True) from died

    async def stream(self, walk: Walk) -> None:
        """Let a walk hand out its pieces, as `send` does."""

        def came(piece: RawPiece, pulled: float) -> None:
            assert self.start, "begun"
            self._watch.came(piece, self.start, self.arrived, pulled)

        walk.due = self._watch.due
        with self._watch.over(walk, self.needs):
            await self.send(lambda: walk.run(came))

    def added(self, seconds: float) -> None:
        """Count what its app has put between the pieces; see `AppLease`."""
        self._watch.added(seconds)

    async def end(self) -> None:
        """Leave the lease; it ends when Triton's work has. No other follows it."""
        self._over = True
        await self._leave()

    async def _current(self) -> Lease:
        """The lease, a new one where it was given back; calls under the old one end with it."""
        async with self._leasing:
            if self._lease is None:
                await self.begin()
            if self._over or self._lease is None:  # left while it was asked for
                await self._leave()
                raise Cancelled("The request has ended.")
            return self._lease

    async def _leave(self) -> None:
        self._lease = None
        await self._leased.aclose()

    async def _sent(
        self,
        lease: Lease,
        sent: SentRequest,
        send: Callable[[], Awaitable[_Answer]],
        until_left: bool,
    ) -> _Answer:
        with self._controller.suspects.sending(sent, lease.needs):
            return await lease.run(lambda: self._inferred(send), until_left)

    async def _inferred(self, send: Callable[[], Awaitable[_Answer]]) -> _Answer:
        with self._controller.traces.infer():
            return await send()


def _outcome(status: int) -> str:
    """Tell an answer that was good, a request that cannot be, and what is our failure."""
    if status < 400:
        return "served"
    return "invalid" if status < 500 else "failed"
