"""What HTTP clients are told whose requests are cut off when the service ends."""

import asyncio
import logging
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from greenroom.errors import GreenroomError, ShuttingDown

logger = logging.getLogger(__name__)


class CutRequests:
    """An ASGI application that answers 503 when its server cancels it; the outermost one.

    An answer that has begun is left incomplete, which the server shows by closing the connection.
    """

    def __init__(self, app: ASGIApp, refusal: Callable[[GreenroomError, str], ASGIApp]) -> None:
        self._app = app
        self._refusal = refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application; nothing is raised of its being cancelled."""
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except asyncio.CancelledError:
            path = scope["path"]
            logger.warning(
                "%s %s was cut off: the service ends", scope.get("method", "WebSocket"), path
            )
            if not begun:
                await self._refusal(ShuttingDown(), path)(scope, receive, send)
