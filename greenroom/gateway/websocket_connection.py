"""One WebSocket connection: uvicorn's, with bounds on messages and on what its client takes."""

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from greenroom.gateway.asking import KEY_IN_SCOPE
from greenroom.gateway.held_bytes import HeldBytes
from greenroom.gateway.unsent import Unsent
from greenroom.settings import Settings

MOST_MESSAGE = 64 * 1024
"""Bytes; more closes the connection with 1009."""


class WebSocketConnection(WebSocketsSansIOProtocol):
    """Is closed when its client takes nothing for send_timeout.

    It sends no pings: one that reads slowly answers them late, and one that is gone takes nothing
    or, while nothing is sent, is idle, which the application bounds.
    """

    def __init__(self, *, settings: Settings, held: HeldBytes, **of_uvicorn: Any) -> None:
        super().__init__(**of_uvicorn)
        self._unsent = Unsent(held, settings.send_timeout)
        self._reads = True

    def connection_lost(self, exc: Exception | None) -> None:
        self._unsent.resume()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Count what the client has not taken yet, and see whether it takes any of it.

        Meanwhile nothing is read, for pings are answered as they are read.
        """
        super().pause_writing()
        self._reads = self.transport.is_reading()
        self.transport.pause_reading()
        self._unsent.pause(self.transport, str(self.scope.get(KEY_IN_SCOPE, "")))

    def resume_writing(self) -> None:
        """Watch no more: nearly all has been taken."""
        super().resume_writing()
        if self._reads:
            self.transport.resume_reading()
        self._unsent.resume()
