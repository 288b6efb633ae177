"""Server-sent events as the answer to an HTTP request."""

import json
import logging
from collections.abc import AsyncGenerator
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from greenroom.errors import BROKEN, GreenroomError
from greenroom.gateway.disconnect import unless_left

logger = logging.getLogger(__name__)

_EVENTS = b"text/event-stream; charset=utf-8"


def event(content: bytes) -> bytes:
    return b"data: %s\n\n" % content


class EventAnswer(Response):
    """Server-sent events, each made when the one before was taken.

    What goes wrong before the first is an answer of its own, and after it the last event.
    """

    def __init__(self, events: AsyncGenerator[bytes, None]) -> None:
        self.background = None
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises only what went wrong before the first event."""
        begun = False

        async def write(content: bytes) -> None:
            await send({"type": "http.response.body", "body": content, "more_body": True})

        try:
            while (content := await unless_left(receive, anext(self._events, None))) is not None:
                if not begun:
                    await send(_head())
                    begun = True
                await write(content)
            if not begun:
                await send(_head())
        except ClientDisconnect:
            return
        except Exception as error:
            if not begun:
                raise
            if not isinstance(error, GreenroomError):
                logger.exception("A stream of events")
            sentence = str(error) if isinstance(error, GreenroomError) else BROKEN
            await write(event(json.dumps({"error": sentence}).encode()))
        finally:
            await self._events.aclose()
        await send({"type": "http.response.body", "body": b""})


def _head() -> dict[str, Any]:
    headers = [(b"content-type", _EVENTS), (b"cache-control", b"no-store")]
    return {"type": "http.response.start", "status": 200, "headers": headers}
