"""Reads a client's HTTP request within bounds and passes it on to Triton."""

import asyncio
import json
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp
import yarl
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from greenroom.addresses import connector
from greenroom.errors import InvalidInput, ServerDown, TooLarge, TooSlow, without_traceback
from greenroom.gateway.held_bytes import HeldBytes
from greenroom.settings import Settings
from greenroom.tracing import Traces
from greenroom.triton.endpoints import endpoints
from greenroom.triton.key import HTTP_HEADER, triton_key
from greenroom.triton.messages import dead_backend, is_unreadable_json

HEADER_LENGTH = "Inference-Header-Content-Length"
"""The header that says how many of a body's first bytes are its JSON."""
_PASSED = (
    HEADER_LENGTH.lower(),
    "accept-encoding",
    "content-encoding",
    "content-type",
    "traceparent",
    "tracestate",
)
_RETURNED = (HEADER_LENGTH, "content-encoding", "content-type")
_LONGEST_HEAD = 4096
"""Bytes of path and passed headers; at about 8000 Triton closes the connection or hangs."""
_NOT_ADDED = ("accept-encoding", "content-type", "user-agent")


@dataclass(frozen=True)
class Answer:
    """What Triton answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def good(self) -> bool:
        """Whether it is no error."""
        return self.status < 400

    @property
    def sentence(self) -> str | None:
        """What Triton says of an error; None for what is none, or says nothing."""
        try:
            sentence = None if self.good else json.loads(self.body)["error"]
        except (ValueError, KeyError, TypeError):
            return None
        return sentence if isinstance(sentence, str) else None

    @property
    def told_status(self) -> int:
        """The status for the client, whom JSON that Triton can not read is to be told of."""
        unreadable = self.status == 500 and is_unreadable_json(self.sentence or "")
        return 400 if unreadable else self.status

    def response(self) -> Response:
        """Return it for the client; an error comes without the backend's traceback."""
        sentence = self.sentence
        if sentence is None:
            return Response(self.body, self.status, self.headers)
        return JSONResponse({"error": without_traceback(sentence)}, self.told_status)


class HttpForward:
    """The connections to Triton's HTTP endpoint."""

    def __init__(
        self,
        settings: Settings,
        session: aiohttp.ClientSession,
        held: HeldBytes,
        traces: Traces,
    ) -> None:
        self.most = settings.max_request_bytes
        self._seconds = settings.receive_timeout
        self._held = held
        self._session = session
        self._traces = traces
        self._address = endpoints(settings).http_url

    async def body(self, request: Request) -> bytes:
        """Return the request's body; what has come of it counts as held until then.

        Raises TooLarge over max_request_bytes, TooSlow after receive_timeout, QueueFull.
        """
        announced = request.headers.get("content-length", "0")
        if announced.isdecimal() and int(announced) > self.most:
            raise self._too_large(int(announced))
        parts: list[bytes] = []
        try:
            async with asyncio.timeout(self._seconds):
                await self._receive(request, parts)
        except TimeoutError:
            raise TooSlow(
                f"The body did not arrive within receive_timeout ({self._seconds:g} s)."
            ) from None
        finally:
            self._held.give_back(sum(map(len, parts)))
        return b"".join(parts)

    async def _receive(self, request: Request, parts: list[bytes]) -> None:
        size = 0
        async for part in request.stream():
            size += len(part)
            if size > self.most:
                raise self._too_large(size)
            self._held.take(len(part))
            parts.append(part)

    async def json(self, request: Request) -> dict[str, Any]:
        """Return the body as a JSON object, an empty one for no body. Raises InvalidInput."""
        body = await self.body(request)
        try:
            parsed = json.loads(body or b"{}")
            json.dumps(parsed, ensure_ascii=False).encode()  # fails for half a surrogate pair
        except (ValueError, RecursionError):
            raise InvalidInput("The body is not JSON.") from None
        if not isinstance(parsed, dict):
            raise InvalidInput("The body must be a JSON object.")
        return parsed

    async def send(self, request: Request, body: bytes) -> Answer:
        """Pass the request on and return the answer.

        Raises InvalidInput, ServerDown, BackendDied.
        """
        path = quote(request.scope["path"])
        given = ((name, request.headers[name]) for name in _PASSED if name in request.headers)
        headers = dict(self._traces.passed(given))
        size = len(path) + sum(len(name) + len(value) for name, value in headers.items())
        if size > _LONGEST_HEAD:
            raise InvalidInput(
                f"Path and headers have {size} bytes; at most {_LONGEST_HEAD} are passed on."
            )
        try:
            async with self._session.request(
                "GET" if request.method == "HEAD" else request.method,
                yarl.URL(self._address + path, encoded=True),
                data=body,
                headers=headers,
                skip_auto_headers=_NOT_ADDED,
            ) as answer:
                kept = {name: answer.headers[name] for name in _RETURNED if name in answer.headers}
                answered = Answer(answer.status, kept, await answer.read())
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError) as error:
            raise ServerDown("Triton does not answer.") from error
        if died := dead_backend(answered.sentence or ""):
            raise died
        return answered

    def _too_large(self, size: int) -> TooLarge:
        return TooLarge(
            f"The body has at least {size} bytes; max_request_bytes allows {self.most}."
        )


async def unless_left(request: Request, granted: Awaitable[None]) -> None:
    """Await a lease; when the client leaves first, give it up and raise ClientDisconnect."""
    waiting = asyncio.ensure_future(granted)
    leaving = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait((waiting, leaving), return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            return waiting.result()
        raise ClientDisconnect
    finally:
        for task in (waiting, leaving):
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def session(settings: Settings) -> aiohttp.ClientSession:
    """Return a session that passes bodies through untouched and never gives up on a model.

    Triton's key goes with every request; a client's own never does.
    """
    return aiohttp.ClientSession(
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None),
        connector=connector(endpoints(settings).http_socket),
        headers={HTTP_HEADER: triton_key(settings)},
        cookie_jar=aiohttp.DummyCookieJar(),
    )
