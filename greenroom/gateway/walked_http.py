"""Infer and generate over HTTP, for models whose requests the gateway walks itself."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from tritonclient.grpc import service_pb2 as pb

from greenroom.controller.controller import Controller
from greenroom.controller.suspects import RequestForm
from greenroom.errors import InvalidInput
from greenroom.gateway.disconnect import unless_left
from greenroom.gateway.event_answer import EventAnswer, event
from greenroom.gateway.generate_json import read_generate, write_generate
from greenroom.gateway.infer_json import read_infer, write_infer
from greenroom.gateway.request_body import hold_of
from greenroom.gateway.walk import Walk
from greenroom.gateway.walks import Walks
from greenroom.triton.raw_tensors import InferRequest

_LARGE = 2**20
"""Bytes that take a moment to be read or written as JSON."""


class WalkedHttp:
    """Bodies have been checked, and their form told."""

    def __init__(self, controller: Controller, walks: Walks) -> None:
        self._controller = controller
        self._walks = walks

    def takes(self, model: str) -> bool:
        return self._walks.takes(model)

    async def infer(
        self, request: Request, body: bytes, header_length: str | None, form: RequestForm
    ) -> Response:
        """Answer in one piece, in the form in which Triton answers."""
        model, version = _asked(request)
        encoding = request.headers.get("content-encoding")
        asked = await _read(len(body), read_infer, model, version, body, header_length, encoding)
        response = await self._whole(request, asked.request, form)
        size = sum(map(len, response.raw_output_contents))
        content, headers = await _apart(size, write_infer, asked, response)
        return Response(content, headers=headers)

    async def generate(self, request: Request, body: bytes, form: RequestForm) -> Response:
        """Answer in one piece, a field for each tensor."""
        response = await self._whole(request, await self._generated(request, body), form)
        size = sum(map(len, response.raw_output_contents))
        content = await _apart(size, write_generate, response)
        return Response(content, media_type="application/json")

    async def generate_stream(self, request: Request, body: bytes, form: RequestForm) -> Response:
        """Answer with an event for each piece, of one that does not stream with one event."""
        asked = await self._generated(request, body)
        return EventAnswer(self._events(request, asked, form))

    async def _events(
        self, request: Request, asked: InferRequest, form: RequestForm
    ) -> AsyncGenerator[bytes, None]:
        if not self._walks.streams(asked.message.model_name):
            response = await self._whole(request, asked, form)
            yield event(write_generate(response))
            return
        walk = self._walk(request, asked)
        hold = hold_of(request.scope)
        hold.add(asked.size)  # a copy of the body
        async with self._walks.stream(walk, "http", 0, hold=hold, form=form) as pieces:
            async for piece in pieces:
                yield event(write_generate(self._walks.response(asked.message, piece)))

    async def _generated(self, request: Request, body: bytes) -> InferRequest:
        model, version = _asked(request)
        encoding = request.headers.get("content-encoding")
        spec = self._controller.repository.models[model]
        request_message: InferRequest = await _read(
            len(body), read_generate, spec, version, body, encoding
        )
        return request_message

    async def _whole(
        self, request: Request, asked: InferRequest, form: RequestForm
    ) -> pb.ModelInferResponse:
        hold = hold_of(request.scope)
        hold.add(asked.size)  # a copy of the body
        answer = self._walks.answer(self._walk(request, asked), "http", 0, hold=hold, form=form)
        return self._walks.response(asked.message, await unless_left(request.receive, answer))

    def _walk(self, request: Request, asked: InferRequest) -> Walk:
        headers = [
            (name, value)
            for name, value in request.headers.items()
            if name in ("traceparent", "tracestate")
        ]
        return self._walks.of_request(asked, lambda: self._controller.traces.passed(headers))


def _asked(request: Request) -> tuple[str, str]:
    return request.path_params["model"], request.path_params.get("version", "")


async def _read(size: int, call: Any, *arguments: Any) -> Any:
    """The last of the `arguments` is the encoding: what is packed may be large."""
    try:
        return await _apart(2 * _LARGE if arguments[-1] else size, call, *arguments)
    except (KeyError, TypeError, ValueError):
        raise InvalidInput(
            "A field of the request is missing or of a wrong type; see the KServe v2 protocol."
        ) from None


async def _apart(size: int, call: Any, *arguments: Any) -> Any:
    """Call it, in a thread where that would hold up everybody else."""
    if size > _LARGE:
        return await asyncio.to_thread(call, *arguments)
    return call(*arguments)
