"""The outermost layer of both doors: every request has an id, which its answer tells.

Here begins and ends also what the request log tells of a request.
"""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from greenroom.gateway.apps import Apps
from greenroom.gateway.logged_request import LOGGED_REQUEST, LoggedRequest
from greenroom.gateway.request_id import HEADER, id_of
from greenroom.gateway.request_log import RequestLog
from greenroom.grpc_types import Context, Handler
from greenroom.triton.grpc_service import method_name

_NAME = HEADER.encode()
_INFER = re.compile(r"/v2/models/([^/]+)(?:/versions/[^/]+)?/(?:infer|generate|generate_stream)")
_HEADS = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})

_REFUSED = frozenset({429, 503})
_CLIENT_LEFT = 499


class NumberedHttp:
    """An ASGI application whose answers carry their request's id."""

    def __init__(self, app: ASGIApp, apps: Apps, log: RequestLog) -> None:
        self._app = app
        self._apps = apps
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application, and tell of the request when it has ended."""
        given = (value.decode("latin-1") for name, value in scope["headers"] if name == _NAME)
        number = id_of(next(given, None))
        head = (_NAME, number.encode())
        if not self._log.on:
            await self._app(scope, receive, _numbering(send, head))
            return
        protocol, model = self._wanted(scope)
        asked = LoggedRequest(
            number, self._log.tell, protocol, model, each=scope["type"] == "websocket"
        )
        ending = _Ending(asked, send)
        token = LOGGED_REQUEST.set(asked)
        try:
            await self._app(scope, receive, _numbering(ending.send, head))
        except asyncio.CancelledError:
            asked.outcome = "cancelled"
            raise
        finally:
            LOGGED_REQUEST.reset(token)
            if asked.model and not asked.each:
                asked.outcome = ending.outcome()
                self._log.tell(asked)

    def _wanted(self, scope: Scope) -> tuple[str, str | None]:
        """The protocol, and the model that a path asks for."""
        path, posted = scope["path"], scope.get("method") == "POST"
        if app := self._apps.of(path):
            return app.name, app.model_of(path) if posted else None
        found = _INFER.fullmatch(path) if posted else None
        return "http", found and found[1]


def _numbering(send: Send, head: tuple[bytes, bytes]) -> Send:
    async def numbered(message: Message) -> None:
        if message["type"] in _HEADS:
            others = (pair for pair in message.get("headers", ()) if pair[0].lower() != _NAME)
            message = {**message, "headers": [*others, head]}
        await send(message)

    return numbered


class _Ending:
    """Sees how an answer ends."""

    def __init__(self, asked: LoggedRequest, send: Send) -> None:
        self._asked = asked
        self._send = send
        self._status = 0
        self._complete = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
        await self._send(message)
        if message["type"] == "http.response.body":
            self._asked.bytes += len(message.get("body", b""))
            self._complete = not message.get("more_body", False)

    def outcome(self) -> str:
        """As its leases ended, if not well, else by the answer."""
        if self._asked.outcome not in (None, "served"):
            return str(self._asked.outcome)
        if self._status == _CLIENT_LEFT:
            return "cancelled"
        if self._status in _REFUSED:
            return "refused"
        if not self._complete or self._status >= 500:
            return "failed"
        return "served" if self._status < 400 else "invalid"


_GRPC_OUTCOMES = {
    "OK": "served",
    "CANCELLED": "cancelled",
    "RESOURCE_EXHAUSTED": "refused",
    "UNAVAILABLE": "refused",
    "INTERNAL": "failed",
    "UNKNOWN": "failed",
}


class NumberedGrpc(grpc.GenericRpcHandler):
    """A gRPC service whose answers carry their call's id in the trailing metadata."""

    def __init__(self, service: grpc.GenericRpcHandler, log: RequestLog) -> None:
        self._service = service
        self._log = log

    def service(self, details: grpc.HandlerCallDetails) -> Handler | None:
        """None if the service has none."""
        handler = self._service.service(details)
        if handler is None:
            return None
        answer: Any = handler.stream_stream
        metadata = details.invocation_metadata or ()
        number = id_of(next((str(value) for key, value in metadata if key == HEADER), None))
        method = method_name(details.method)

        async def numbered(requests: object, context: Context) -> None:
            context.set_trailing_metadata(((HEADER, number),))
            if not self._log.on or method not in ("ModelInfer", "ModelStreamInfer"):
                await answer(requests, context)
                return
            each = method == "ModelStreamInfer"
            asked = LoggedRequest(number, self._log.tell, "grpc", each=each)
            token = LOGGED_REQUEST.set(asked)
            try:
                await answer(requests, context)
            except asyncio.CancelledError:
                asked.outcome = "cancelled"
                raise
            finally:
                LOGGED_REQUEST.reset(token)
                if not each:
                    self._end(asked, context)

        return grpc.stream_stream_rpc_method_handler(numbered)

    def _end(self, asked: LoggedRequest, context: Context) -> None:
        if asked.outcome in (None, "served"):
            asked.outcome = _GRPC_OUTCOMES.get(_code(context), "invalid")
        self._log.tell(asked)


@contextmanager
def one_of_many() -> Iterator[LoggedRequest | None]:
    """A request of a stream that has many: told by itself, with the stream's id."""
    stream = LOGGED_REQUEST.get()
    if stream is None:
        yield None
        return
    asked = LoggedRequest(stream.id, stream.tell, stream.protocol)
    token = LOGGED_REQUEST.set(asked)
    try:
        yield asked
    except BaseException:
        asked.outcome = "cancelled"
        raise
    finally:
        LOGGED_REQUEST.reset(token)
        asked.outcome = asked.outcome or "invalid"
        asked.tell(asked)


def _code(context: Context) -> str:
    code = context.code()
    if isinstance(code, grpc.StatusCode):
        return code.name
    return next((one.name for one in grpc.StatusCode if one.value[0] == (code or 0)), "UNKNOWN")
