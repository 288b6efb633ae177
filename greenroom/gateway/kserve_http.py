"""KServe v2 over HTTP: the calls that Triton has, their bodies passed on as they are."""

import base64
import binascii
import json
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from google.protobuf.message import Message
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from tritonclient.grpc import service_pb2 as pb

from greenroom.controller.controller import Controller
from greenroom.controller.leases import WhileWaiting
from greenroom.controller.suspects import RequestForm
from greenroom.errors import InvalidInput, ServerDown, without_traceback
from greenroom.gateway.client_regions import ClientRegions
from greenroom.gateway.disconnect import unless_left
from greenroom.gateway.event_answer import EventAnswer
from greenroom.gateway.json_head import JsonHead, head_of, read_json, read_object
from greenroom.gateway.lease import Leased
from greenroom.gateway.own_parts import without_own_json
from greenroom.gateway.passed_events import Take, passed_events
from greenroom.gateway.protobuf_json import as_json
from greenroom.gateway.repository_api import RepositoryApi
from greenroom.gateway.request_body import hold_of, json_object
from greenroom.gateway.request_checks import check_generate, check_json
from greenroom.gateway.request_form import json_form
from greenroom.gateway.unloaded_metadata import spec_of, unloaded_config, unloaded_metadata
from greenroom.gateway.walked_http import WalkedHttp
from greenroom.gateway.walks import Walks
from greenroom.triton.http_client import HEADER_LENGTH, TritonAnswer, TritonHttp
from greenroom.triton.repository import ModelSpec, Repository

_BOTH = ["GET", "POST"]
_SYSTEM_REGIONS = "/v2/systemsharedmemory"

Check = Callable[[JsonHead, str, Repository], None]


class KServeHttp:
    """Serves Triton's HTTP API in front of Triton."""

    def __init__(
        self,
        controller: Controller,
        repository: RepositoryApi,
        leased: Leased,
        walks: Walks,
        triton: TritonHttp,
        regions: ClientRegions,
        most: int,
    ) -> None:
        self._controller = controller
        self._repository = repository
        self._leased = leased
        self._walked = WalkedHttp(controller, walks)
        self._walks = walks
        self._triton = triton
        self._regions = regions
        self._most = most

    def routes(self) -> list[BaseRoute]:
        """All paths under /v2, the busiest first; another is answered with 404."""
        models = ("/v2/models/{model}", "/v2/models/{model}/versions/{version}")
        found: list[BaseRoute] = [
            *(Route(f"{path}/infer", self._infer, methods=["POST"]) for path in models),
            Route("/v2/health/live", self._server_ready),
            Route("/v2/health/ready", self._server_ready),
            Route("/v2/models/stats", self._statistics),
            Route("/v2/repository/index", self._index, methods=["POST"]),
            Route("/v2/repository/models/{model}/load", self._load, methods=["POST"]),
            Route("/v2/repository/models/{model}/unload", self._unload, methods=["POST"]),
            Route("/v2/models/{model}/trace/setting", self._pass, methods=_BOTH),
            Route("/v2/trace/setting", self._pass, methods=_BOTH),
            Route("/v2/logging", self._pass, methods=_BOTH),
            Route("/v2", self._pass),
        ]
        for path in models:
            found += [
                Route(f"{path}/generate", self._generate, methods=["POST"]),
                Route(f"{path}/generate_stream", self._generate_stream, methods=["POST"]),
                Route(f"{path}/ready", self._model_ready),
                Route(f"{path}/config", self._config),
                Route(f"{path}/stats", self._statistics),
                Route(path, self._metadata),
            ]
        for kind in (_SYSTEM_REGIONS, "/v2/cudasharedmemory"):
            for call in ("status", "register", "unregister"):
                handle = self._register if call == "register" else self._pass
                found.append(Route(f"{kind}/{call}", handle, methods=_BOTH))
                found.append(Route(f"{kind}/region/{{region}}/{call}", handle, methods=_BOTH))
        return found

    async def _pass(self, request: Request) -> Response:
        body = await request.body()
        if body:
            read_json(body)
        return _response(await self._send(request, body))

    async def _statistics(self, request: Request) -> Response:
        answer = await self._triton.send("GET", request.scope["path"], (), b"")
        if not answer.good:
            return _response(answer)
        told = json.loads(answer.body)
        self._walks.statistics.fill_json(told)
        return JSONResponse(told)

    async def _register(self, request: Request) -> Response:
        """Register shared memory; a GET of it Triton refuses."""
        self._regions.check_cuda()
        body = await request.body()
        asked = read_object(body)
        if request.scope["path"].startswith(_SYSTEM_REGIONS):
            numbers = asked.get("offset", 0), asked.get("byte_size", 0)
            self._regions.check_system(asked.get("key"), *numbers)
        return _response(await self._send(request, body))

    async def _infer(self, request: Request) -> Response:
        length = request.headers.get(HEADER_LENGTH)
        body, form = await self._checked(request, length, check_json)
        if self._walked.takes(request.path_params["model"]):
            return await self._walked.infer(request, body, length, form)
        return await self._under_lease(request, body, form)

    async def _generate(self, request: Request) -> Response:
        """To Triton all of its body is JSON, whatever the header says."""
        body, form = await self._checked(request, None, check_generate)
        if self._walked.takes(request.path_params["model"]):
            return await self._walked.generate(request, body, form)
        return await self._under_lease(request, body, form)

    async def _generate_stream(self, request: Request) -> Response:
        body, form = await self._checked(request, None, check_generate)
        if self._walked.takes(request.path_params["model"]):
            return await self._walked.generate_stream(request, body, form)
        events = passed_events(
            request.path_params["model"],
            self._leased.held,
            lambda take: self._send(request, body, take),
            lambda send: self._run(request, send, form),
        )
        return EventAnswer(events)

    async def _under_lease(self, request: Request, body: bytes, form: RequestForm) -> Response:
        waiting = partial(unless_left, request.receive)
        return _response(await self._run(request, lambda: self._send(request, body), form, waiting))

    async def _run(
        self,
        request: Request,
        send: Callable[[], Awaitable[TritonAnswer]],
        form: RequestForm,
        while_waiting: WhileWaiting | None = None,
    ) -> TritonAnswer:
        return await self._leased.run(
            request.path_params["model"],
            "http",
            0,
            send,
            hold=hold_of(request.scope),
            while_waiting=while_waiting,
            status=lambda answer: answer.told_status,
            form=form,
        )

    async def _checked(
        self, request: Request, header_length: str | None, check: Check
    ) -> tuple[bytes, RequestForm]:
        body = await request.body()
        model, encoding = request.path_params["model"], request.headers.get("content-encoding")
        head = await head_of(
            body,
            header_length,
            encoding,
            self._most,
            self._leased.held,
            counts_data=check is check_json,
        )
        check(head, model, self._controller.repository)
        return body, json_form(request, head, body)

    async def _send(self, request: Request, body: bytes, take: Take | None = None) -> TritonAnswer:
        headers = self._controller.traces.passed(request.headers.items())
        path = request.scope["path"]
        return await self._triton.send(request.method, path, headers, body, take)

    async def _server_ready(self, request: Request) -> Response:
        return Response(status_code=200 if self._controller.why_not_serving() is None else 503)

    async def _model_ready(self, request: Request) -> Response:
        if self._spec(request) is None:  # anybody may ask this: no body is read for it
            return _response(await self._send(request, b""))
        reason = self._controller.why_not_serving(request.path_params["model"])
        return Response(status_code=200 if reason is None else 503)

    async def _metadata(self, request: Request) -> Response:
        return await self._or_unloaded(request, unloaded_metadata)

    async def _config(self, request: Request) -> Response:
        async def config(controller: Controller, spec: ModelSpec) -> Message:
            config: Message = (await unloaded_config(controller, spec)).config
            return config

        return await self._or_unloaded(request, config)

    async def _or_unloaded(
        self,
        request: Request,
        described: Callable[[Controller, ModelSpec], Awaitable[Message]],
    ) -> Response:
        """What Triton tells, or for a model that it has not loaded, what its repository does."""
        try:
            answer = await self._triton.send("GET", request.scope["path"], (), b"")
            if answer.good:
                return JSONResponse(without_own_json(json.loads(answer.body)))
            if (spec := self._spec(request)) is None:
                return _response(answer)
        except ServerDown:
            if (spec := self._spec(request)) is None:
                raise
        return JSONResponse(as_json(await described(self._controller, spec)))

    async def _index(self, request: Request) -> Response:
        asked = await json_object(request)
        index = await self._repository.index(asked.get("ready") is True)
        return JSONResponse([_index_entry(entry) for entry in index.models])

    async def _load(self, request: Request) -> Response:
        parameters = _parameters(await json_object(request))
        hold_of(request.scope).add(_copied(parameters))
        await self._repository.load(request.path_params["model"], _load_overrides(parameters))
        return Response()

    async def _unload(self, request: Request) -> Response:
        parameters = _parameters(await json_object(request))
        dependents = parameters.get("unload_dependents") is True
        await self._repository.unload(request.path_params["model"], dependents)
        return Response()

    def _spec(self, request: Request) -> ModelSpec | None:
        asked = request.path_params
        return spec_of(self._controller, asked["model"], asked.get("version", ""))


def _response(answer: TritonAnswer) -> Response:
    """An error comes without the backend's traceback."""
    if answer.sentence is None:
        return Response(answer.body, answer.status, answer.headers)
    return JSONResponse({"error": without_traceback(answer.sentence)}, answer.told_status)


def _index_entry(entry: Message) -> dict[str, Any]:
    """Triton leaves out what a model that was never loaded does not have."""
    return {name: value for name, value in as_json(entry).items() if value}


def _parameters(given: Mapping[str, Any]) -> Mapping[str, Any]:
    parameters = given.get("parameters", {})
    if not isinstance(parameters, dict):
        raise InvalidInput("Field parameters must be a JSON object.")
    return parameters


def _copied(parameters: Mapping[str, Any]) -> int:
    """Bytes of texts, which are copies of the body, and of what is read from them."""
    return 2 * sum(len(value) for value in parameters.values() if isinstance(value, str))


def _load_overrides(
    parameters: Mapping[str, Any],
) -> dict[str, pb.ModelRepositoryParameter]:
    """Load parameters as gRPC has them: a config as text, files from base64 as bytes."""
    found = {}
    for name, value in parameters.items():
        if not isinstance(value, str):
            raise InvalidInput(f"Parameter {name} of the load is {value!r}; it must be a string.")
        if not name.startswith("file:"):
            found[name] = pb.ModelRepositoryParameter(string_param=value)
            continue
        try:
            content = base64.b64decode(value, validate=True)
        except binascii.Error:
            raise InvalidInput(f"Parameter {name} of the load must be base64.") from None
        found[name] = pb.ModelRepositoryParameter(bytes_param=content)
    return found
