"""Asks for API keys at both doors, before anything of a request's body is read."""

from collections.abc import AsyncIterator
from itertools import chain
from urllib.parse import unquote

import grpc
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Asgi

from greenroom.errors import GreenroomError
from greenroom.gateway.api_keys import ApiKeys
from greenroom.gateway.apps import Apps
from greenroom.gateway.asking import KEY, KEY_IN_SCOPE
from greenroom.gateway.kserve_grpc import abort
from greenroom.gateway.permissions import grpc_scope, http_scope
from greenroom.grpc_types import Context, Handler

_HEADER = "authorization"
_SUBPROTOCOL = "openai-insecure-api-key."


class GuardedHttp:
    """An ASGI application behind keys."""

    def __init__(self, app: ASGIApp, keys: ApiKeys, apps: Apps) -> None:
        self._app = app
        self._keys = keys
        self._apps = apps

    async def __call__(self, asgi: Asgi, receive: Receive, send: Send) -> None:
        """Let a request through, or answer why not."""
        method, path = asgi.get("method", "GET"), asgi["path"]  # a WebSocket begins with a GET
        needed = http_scope(method, path, self._apps)
        try:
            key = self._keys.check(_header(asgi), needed, f"{method} {path}") if needed else ""
        except GreenroomError as error:
            await self._apps.refusal(error, path)(asgi, receive, send)
        else:
            KEY.set(key)
            asgi[KEY_IN_SCOPE] = key
            await self._app(asgi, receive, send)


class GuardedGrpc(grpc.GenericRpcHandler):
    """A gRPC service behind keys."""

    def __init__(self, service: grpc.GenericRpcHandler, keys: ApiKeys) -> None:
        self._service = service
        self._keys = keys

    def service(self, details: grpc.HandlerCallDetails) -> Handler | None:
        """The call's handler, or one that answers why not."""
        needed = grpc_scope(details.method)
        try:
            call = details.method.rpartition("/")[2]
            KEY.set(self._keys.check(_metadata(details), needed, call) if needed else "")
        except GreenroomError as error:
            return _refusing(error)
        handler: Handler | None = self._service.service(details)
        return handler


def _refusing(error: GreenroomError) -> Handler:
    """Takes no request: a unary handler would wait for all of its message."""

    async def refuse(requests: AsyncIterator[bytes], context: Context) -> None:
        await abort(context, error)

    return grpc.stream_stream_rpc_method_handler(refuse)


def _header(asgi: Asgi) -> str | None:
    """The value of Authorization.

    A page's script can give a WebSocket none, so there the key may be among the subprotocols, as
    for OpenAI's; what those cannot carry is percent-encoded.
    """
    name = _HEADER.encode()
    given = (value.decode("latin-1") for key, value in asgi["headers"] if key == name)
    offered = (
        f"Bearer {unquote(one.removeprefix(_SUBPROTOCOL))}"
        for one in asgi.get("subprotocols", ())
        if one.startswith(_SUBPROTOCOL)
    )
    return next(chain(given, offered), None)


def _metadata(details: grpc.HandlerCallDetails) -> str | None:
    given = details.invocation_metadata or ()
    return next((str(value) for key, value in given if key == _HEADER), None)
