"""What the gateway hands to the app of a plug-in: leases that belong to the request at hand."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from contextvars import ContextVar
from functools import partial
from typing import TypeVar

from starlette.types import ASGIApp, Receive, Scope, Send
from tritonclient.grpc import service_pb2 as pb

from greenroom.controller.controller import Controller
from greenroom.errors import GreenroomError
from greenroom.gateway.app_plugin import ModelFacts
from greenroom.gateway.disconnect import unless_left
from greenroom.gateway.lease import Leased, LeasedRequest
from greenroom.gateway.request_body import hold_of
from greenroom.gateway.walk import Walk
from greenroom.gateway.walks import Walks
from greenroom.managed.stepped_engine import Piece
from greenroom.settings import Settings
from greenroom.triton.numpy_tensors import Array, Tensors, arrays, raw_tensors

_LARGE = 2**20
"""Bytes of tensors that take a moment to be copied."""
_Result = TypeVar("_Result")

_REQUEST: ContextVar[tuple[Scope, Receive] | None] = ContextVar("request", default=None)
"""The request that an app answers, None for a WebSocket's; its tasks inherit it."""


class AppGateway:
    """The `Gateway` of one app."""

    def __init__(
        self,
        app: str,
        settings: Settings,
        controller: Controller,
        leased: Leased,
        walks: Walks,
    ) -> None:
        self.settings = settings
        self.held = leased.held
        self._app = app
        self._controller = controller
        self._leased = leased
        self._walks = walks

    @asynccontextmanager
    async def lease(self, model: str, *, held_bytes: int = 0) -> AsyncIterator["RequestLease"]:
        """Hold a model and its steps; see `Gateway`."""
        self._controller.entry(model)
        request = _REQUEST.get()
        hold = hold_of(request[0]) if request else None
        watched = partial(unless_left, request[1]) if request else None
        async with self._leased.request(
            model, self._app, held_bytes, hold, while_waiting=watched
        ) as leased:
            lease = RequestLease(leased, self._walk, request[1] if request else None)
            try:
                yield lease
            finally:
                lease.leave()

    async def touch(self, model: str) -> None:
        """Ask for a model ahead of a request; see `Gateway`."""
        await self._controller.touch(model)

    def why_not_serving(self) -> str | None:
        """As /readyz tells it."""
        return self._controller.why_not_serving()

    def models(self) -> list[str]:
        """Sorted by name."""
        return sorted(self._controller.repository.models)

    def facts(self, model: str) -> ModelFacts:
        """Raises UnknownModel."""
        entry = self._controller.entry(model)
        spec, states = self._controller.repository.models[model], self._controller.stage.models
        residency = (
            {step: str(states[step].residency) for step in entry.steps}
            if entry.steps
            else str(entry.residency)
        )
        changed_at = spec.folder.stat().st_mtime
        return ModelFacts(model, residency, spec.parameters, changed_at)

    async def _walk(
        self, model: str, tensors: Tensors, outputs: Collection[str]
    ) -> tuple[Walk, bool]:
        batched = self._controller.repository.models[model].batched
        size = sum(array.nbytes for array in tensors.values())
        if size > _LARGE:
            raw = await asyncio.to_thread(raw_tensors, tensors, batched)
        else:
            raw = raw_tensors(tensors, batched)
        passed = partial(self._controller.traces.passed, ())
        named: dict[str, dict[str, pb.InferParameter]] = {name: {} for name in outputs}
        walk = self._walks.of_tensors(model, raw, outputs=named, metadata=passed)
        return walk, batched


class RequestLease:
    """The `AppLease` of one request."""

    def __init__(
        self,
        leased: LeasedRequest,
        walk: Callable[[str, Tensors, Collection[str]], Awaitable[tuple[Walk, bool]]],
        receive: Receive | None,
    ) -> None:
        self._leased = leased
        self._walk = walk
        self._receive = receive
        self._under_way: set[Walk] = set()
        self.seconds: dict[str, float] = {}
        self.waited = time.perf_counter() - leased.arrived

    @property
    def start(self) -> str:
        """Cold, warm or hot: the coldest of its models when it was asked for."""
        return str(self._leased.start)

    async def infer(
        self, model: str, tensors: Tensors, outputs: Collection[str] = ()
    ) -> dict[str, Array]:
        """Ask one of the held models, or the ensemble; see `AppLease`."""
        async with self._walking(model, tensors, outputs) as (walk, batched):
            piece = await self._unless_left(self._leased.send(walk.whole))
        return arrays(piece.tensors, batched)

    walk = infer

    async def stream(self, model: str, tensors: Tensors) -> AsyncGenerator[Piece, None]:
        """Ask for an answer in pieces; see `AppLease`."""
        async with self._walking(model, tensors) as (walk, batched):
            running = asyncio.create_task(self._leased.stream(walk))
            pieces = walk.pieces(running)
            try:
                while (piece := await self._unless_left(anext(pieces, None))) is not None:
                    self.seconds.update(walk.seconds)
                    yield Piece(arrays(piece.tensors, batched), piece.seconds)
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)

    def added(self, seconds: float) -> None:
        """Count what was put between the pieces; see `AppLease`."""
        self._leased.added(seconds)

    def leave(self) -> None:
        """End what is still under way, which nobody takes any more."""
        for walk in self._under_way:
            walk.leave()

    @asynccontextmanager
    async def _walking(
        self, model: str, tensors: Tensors, outputs: Collection[str] = ()
    ) -> AsyncIterator[tuple[Walk, bool]]:
        if model not in self._leased.needs:
            held = ", ".join(self._leased.needs)
            raise GreenroomError(f"Model {model!r} is not leased; this request holds {held}.")
        walk, batched = await self._walk(model, tensors, outputs)
        self._under_way.add(walk)
        try:
            yield walk, batched
        finally:
            walk.leave()
            self._under_way.discard(walk)
            self.seconds.update(walk.seconds)

    async def _unless_left(self, work: Awaitable[_Result]) -> _Result:
        return await (unless_left(self._receive, work) if self._receive else work)


class Mounted:
    """An app on its paths: its leases know which request they belong to."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = _REQUEST.set((scope, receive) if scope["type"] == "http" else None)
        try:
            await self._app(scope, receive, send)
        finally:
            _REQUEST.reset(token)
