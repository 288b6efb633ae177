"""The service's own HTTP: who is on stage, manual actions, health and metrics."""

import json
from collections.abc import AsyncIterator

import prometheus_client
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from greenroom.controller.controller import Controller
from greenroom.errors import InvalidInput
from greenroom.gateway.disconnect import unless_left
from greenroom.gateway.request_body import json_object
from greenroom.residency.states import Action

TOUCH = "touch"
CLEAR_CACHE = "clear_cache"
_HEALTH = ("/healthz", "/health")


class ResidencyHttp:
    """Serves /residency, /metrics, /healthz, which others call /health, and /readyz."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/residency", self._all),
            Route("/residency/events", self._events),
            Route("/residency/{model}", self._policy, methods=["PATCH"]),
            Route("/residency/{model}/{verb}", self._act, methods=["POST"]),
            Route("/metrics", self._metrics),
            # Probes follow no redirection to the path without a slash.
            *(Route(path + end, self._healthz) for path in _HEALTH for end in ("", "/")),
            *(Route("/readyz" + end, self._readyz) for end in ("", "/")),
        ]

    async def _all(self, request: Request) -> Response:
        return JSONResponse(await self._controller.view.whole())

    async def _policy(self, request: Request) -> Response:
        model = request.path_params["model"]
        self._controller.change_policy(model, await json_object(request))
        return JSONResponse(await self._controller.view.shown(model))

    async def _act(self, request: Request) -> Response:
        model, verb = request.path_params["model"], request.path_params["verb"]
        if verb == TOUCH:
            await unless_left(request.receive, self._controller.touch(model))
        elif verb == CLEAR_CACHE:
            await self._controller.clear_cache(model)
        elif verb in set(Action):
            await self._controller.act(model, Action(verb))
        else:
            verbs = ", ".join((*Action, TOUCH, CLEAR_CACHE))
            raise InvalidInput(f"Action {verb!r} is unknown; it must be one of {verbs}.")
        return JSONResponse(await self._controller.view.shown(model))

    async def _events(self, request: Request) -> Response:
        async def sent() -> AsyncIterator[ServerSentEvent]:
            async for event in self._controller.events.listen():
                yield ServerSentEvent(json.dumps(event.as_json()), event="transition")

        return EventSourceResponse(sent())

    async def _metrics(self, request: Request) -> Response:
        view = self._controller.view
        view.observe(await view.gpu())
        text = prometheus_client.generate_latest(self._controller.metrics.registry)
        return Response(text, media_type=prometheus_client.CONTENT_TYPE_LATEST)

    async def _healthz(self, request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def _readyz(self, request: Request) -> Response:
        reason = self._controller.why_not_serving()
        if reason is None:
            return JSONResponse({"status": "ready"})
        return JSONResponse({"error": reason}, 503)
