"""Passes HTTP requests and WebSockets of a replica on to its own Greenroom, part by part."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import TypeVar

import aiohttp
from multidict import CIMultiDict
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send
from yarl import URL

from greenroom.errors import Unavailable

_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_OWN_OF_WEBSOCKETS = "sec-websocket-"
_ADDED_BY_AIOHTTP = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")
_COMES_BACK_WITHIN = 20.0
"""Seconds for which a request is held while the gateway starts again after a crash."""
_LOOK_EVERY = 0.1
_ABNORMAL, _RESTARTS = 1006, 1012
"""Codes with which a WebSocket is closed (RFC 6455)."""

_T = TypeVar("_T")


class NotAnswered(Unavailable):
    """The gateway died with the request; nothing of an answer had been sent."""

    retry_after = 1.0


class HttpDoor:
    """One gateway, over as many connections as there are requests."""

    def __init__(self, url: str, running: Callable[[], bool]) -> None:
        """`running` says whether it is worth while to wait for a gateway that does not listen."""
        self._running = running
        self.url = URL(url)
        unlimited = aiohttp.ClientTimeout(total=None, sock_connect=10)
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=unlimited,
            auto_decompress=False,
            skip_auto_headers=_ADDED_BY_AIOHTTP,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the gateway does; 503 with Retry-After if it died with the request."""
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
            return
        try:
            await self._http(scope, receive, send)
        except NotAnswered as error:
            answer = JSONResponse({"error": str(error)}, error.http_status, error.headers)
            await answer(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False
        try:
            async with await self._connected(scope, receive) as response:
                head = {"status": response.status, "headers": _passed(response.raw_headers)}
                begun = True
                await send({"type": "http.response.start", **head})
                async for chunk in response.content.iter_any():
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                await send({"type": "http.response.body", "body": b""})
        except aiohttp.ClientError as error:
            if begun:  # a body that merely stops must not look whole
                raise
            raise NotAnswered(
                f"The replica's gateway ended while it had {scope['method']} {scope['path']}; "
                "send the request again."
            ) from error

    async def _connected(self, scope: Scope, receive: Receive) -> aiohttp.ClientResponse:
        """Nothing of the body is taken from the client before there is a connection."""
        return await self._once_it_listens(
            lambda: self.session.request(
                scope["method"],
                self._target(scope),
                headers=CIMultiDict(_text(_passed(scope["headers"]))),
                data=_body(receive) if _has_body(scope) else None,
                allow_redirects=False,
            )
        )

    async def _once_it_listens(self, connect: Callable[[], Awaitable[_T]]) -> _T:
        until = asyncio.get_running_loop().time() + _COMES_BACK_WITHIN
        while True:
            try:
                return await connect()
            except aiohttp.ClientConnectorError:
                if not self._running() or asyncio.get_running_loop().time() > until:
                    raise
                await asyncio.sleep(_LOOK_EVERY)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        headers = CIMultiDict(
            (name, value)
            for name, value in _text(_passed(scope["headers"]))
            if not name.startswith(_OWN_OF_WEBSOCKETS)
        )
        try:
            passed = await self._once_it_listens(
                lambda: self.session.ws_connect(
                    self._target(scope).with_scheme("ws"),
                    headers=headers,
                    protocols=scope.get("subprotocols", ()),
                    max_msg_size=0,
                    autoclose=False,
                )
            )
        except aiohttp.ClientError:  # without a key, say; a WebSocket has no more to say
            await send({"type": "websocket.close", "code": 1008})
            return
        async with passed:
            await send({"type": "websocket.accept", "subprotocol": passed.protocol})
            ways = {
                asyncio.create_task(_to_gateway(receive, passed)),
                asyncio.create_task(_to_client(passed, send)),
            }
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            await asyncio.wait(ways)

    def _target(self, scope: Scope) -> URL:
        path = scope.get("raw_path") or scope["path"].encode()
        query = scope.get("query_string", b"")
        written = path.partition(b"?")[0] + (b"?" + query if query else b"")
        return URL(f"{str(self.url).rstrip('/')}{written.decode('latin-1')}", encoded=True)


async def _to_gateway(receive: Receive, passed: aiohttp.ClientWebSocketResponse) -> None:
    while (message := await receive())["type"] == "websocket.receive":
        if message.get("text") is not None:
            await passed.send_str(message["text"])
        else:
            await passed.send_bytes(message["bytes"])
    await passed.close(code=message.get("code") or 1000)


async def _to_client(passed: aiohttp.ClientWebSocketResponse, send: Send) -> None:
    async for message in passed:
        text = message.type is aiohttp.WSMsgType.TEXT
        await send({"type": "websocket.send", "text" if text else "bytes": message.data})
    code = passed.close_code or 1000
    # "Abnormal" is what each end says to itself, and may not be sent.
    await send({"type": "websocket.close", "code": _RESTARTS if code == _ABNORMAL else code})


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionResetError("The client left.")
        yield message.get("body", b"")
        more = message.get("more_body", False)


def _has_body(scope: Scope) -> bool:
    names = {name for name, _ in scope["headers"]}
    return bool(names & {b"content-length", b"transfer-encoding"})


def _passed(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [pair for pair in headers if pair[0].decode("latin-1").lower() not in _HOP_BY_HOP]


def _text(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    return [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers]
