"""What the gateway hands to the app of a plug-in: leases that belong to the request at hand."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from functools import partial

from starlette.types import ASGIApp, Receive, Scope, Send

from greenroom.controller.controller import Controller
from greenroom.errors import GreenroomError
from greenroom.gateway.app_plugin import ModelFacts
from greenroom.gateway.disconnect import unless_left
from greenroom.gateway.lease import Leased, LeasedRequest
from greenroom.gateway.request_body import hold_of
from greenroom.settings import Settings
from greenroom.triton.repository import ModelSpec
from greenroom.triton.tensor_calls import Array, TensorCalls, Tensors

_REQUEST: ContextVar[tuple[Scope, Receive] | None] = ContextVar("request", default=None)
"""The request that an app answers; its tasks inherit it."""


class AppGateway:
    """The `Gateway` of one app."""

    def __init__(
        self,
        app: str,
        settings: Settings,
        controller: Controller,
        leased: Leased,
        calls: TensorCalls,
    ) -> None:
        self.settings = settings
        self.held = leased.held
        self._app = app
        self._controller = controller
        self._leased = leased
        self._calls = calls

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
            yield RequestLease(leased, self._infer, request[1] if request else None)

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

    async def _infer(self, model: str, tensors: Tensors) -> dict[str, Array]:
        spec: ModelSpec = self._controller.repository.models[model]
        return await self._calls.infer(
            model,
            tensors,
            batched=spec.batched,
            metadata=self._controller.traces.passed(()),
        )


class RequestLease:
    """The `AppLease` of one request."""

    def __init__(
        self,
        leased: LeasedRequest,
        infer: Callable[[str, Tensors], Awaitable[dict[str, Array]]],
        receive: Receive | None,
    ) -> None:
        self._leased = leased
        self._infer = infer
        self._receive = receive
        self.waited = time.perf_counter() - leased.arrived

    @property
    def start(self) -> str:
        """Cold, warm or hot: the coldest of its models when it was asked for."""
        return str(self._leased.start)

    async def infer(self, model: str, tensors: Tensors) -> dict[str, Array]:
        """Ask one of the held models; see `AppLease`."""
        if model not in self._leased.needs:
            held = ", ".join(self._leased.needs)
            raise GreenroomError(f"Model {model!r} is not leased; this request holds {held}.")
        work = self._leased.send(lambda: self._infer(model, tensors))
        return await (unless_left(self._receive, work) if self._receive else work)


class Mounted:
    """An app on its paths: its leases know which request they belong to."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = _REQUEST.set((scope, receive))
        try:
            await self._app(scope, receive, send)
        finally:
            _REQUEST.reset(token)
