"""Bodies of all HTTP requests: bounded in size and time, counted from their first byte.

They are received as they are asked for, by whichever application answers, and count as held, with
the request's headers, until the answer is complete; who needs one for longer shares its hold.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from greenroom.errors import InvalidInput, QueueFull, TooLarge, TooSlow
from greenroom.gateway.asking import KEY
from greenroom.gateway.held_bytes import HeldBytes, Hold, size_of_fields
from greenroom.gateway.json_head import read_object
from greenroom.origin_guard import Refusal
from greenroom.settings import Settings

_HOLD = "greenroom.hold"


class BoundedBodies:
    """An ASGI application whose requests' bodies are bounded."""

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        held: HeldBytes,
        refuse: Refusal,
        free: Callable[[str], bool],
    ) -> None:
        """`free` says of a path that it is answered however much is held."""
        self._app = app
        self._settings = settings
        self._held = held
        self._refuse = refuse
        self._free = free

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application; what it receives counts until it has answered."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        head = size_of_fields(scope["headers"])
        if not self._free(scope["path"]) and (full := self._held.full(KEY.get(), head)):
            await self._refuse(QueueFull(full), scope["path"])(scope, receive, send)
            return
        with self._held.hold() as hold:
            hold.keep(head)
            if scope["type"] == "websocket":  # its messages are bounded by its connection
                await self._app(scope, receive, send)
                return
            body = _Body(scope, receive, hold, self._settings)

            async def counted(message: Message) -> None:
                # Written, it is counted by the connection; until then it may wait for its turn.
                with self._held.hold() as sending:
                    sending.keep(len(message.get("body", b"")))
                    await send(message)

            await self._app({**scope, _HOLD: hold}, body.receive, counted)


def hold_of(scope: Scope) -> Hold:
    """What counts the bytes of a request's body, and copies of it, until it is answered."""
    hold: Hold = scope[_HOLD]
    return hold


async def json_object(request: Request) -> dict[str, Any]:
    """The body; empty for none. Raises InvalidInput if it is no JSON object."""
    parsed = read_object(await request.body() or b"{}")
    try:
        json.dumps(parsed, ensure_ascii=False).encode()  # fails for half a surrogate pair
    except ValueError:
        raise InvalidInput("The body is not JSON.") from None
    return parsed


class _Body:
    """Receives one body. The clock runs while it is asked for, anew from each part that comes."""

    def __init__(self, scope: Scope, receive: Receive, hold: Hold, settings: Settings) -> None:
        self._scope = scope
        self._receive = receive
        self._hold = hold
        self._most = settings.max_request_bytes
        self._seconds = settings.receive_timeout
        self._size = 0
        self._begun = False
        self._complete = False

    async def receive(self) -> Message:
        """The next part, or that the client has left; an ASGI `receive`.

        Raises TooLarge over max_request_bytes, TooSlow after receive_timeout, QueueFull.
        """
        if self._complete:
            return await self._receive()
        if not self._begun:
            self._check_size(_announced(self._scope))
            self._begun = True
        try:
            async with asyncio.timeout(self._seconds):
                message = await self._receive()
        except TimeoutError:
            raise TooSlow(
                f"No byte of the body came for receive_timeout ({self._seconds:g} s)."
            ) from None
        if message["type"] == "http.request":
            part = len(message.get("body", b""))
            self._size += part
            self._check_size(self._size)
            self._hold.add(part)
            self._complete = not message.get("more_body", False)
        return message

    def _check_size(self, size: int) -> None:
        if size > self._most:
            raise TooLarge(
                f"The body has at least {size} bytes; max_request_bytes allows {self._most}."
            )


def _announced(scope: Scope) -> int:
    """The content-length, 0 where there is none to be read."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:20])
    return 0
