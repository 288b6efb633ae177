"""One WebSocket connection: uvicorn's, with bounds on messages and on what its client takes."""

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

from greenroom.gateway.asking import KEY_IN_SCOPE
from greenroom.gateway.held_bytes import HeldBytes
from greenroom.gateway.turns import Turns
from greenroom.gateway.unparsed import Unparsed
from greenroom.gateway.unsent import Unsent
from greenroom.settings import Settings

MOST_MESSAGE = 64 * 1024
"""Bytes; more closes the connection with 1009."""
_MOST_FRAMES = 1024
"""Of one message; empty ones would never be too many bytes. More closes it with 1009."""
_PIECE = 256
"""Bytes that are parsed at one go: forty frames at most."""
_TURN = 32
"""Frames after which other connections have their turn."""


class WebSocketConnection(WebSocketsSansIOProtocol):
    """Is closed when its client takes nothing for send_timeout.

    It sends no pings: one that reads slowly answers them late, and one that is gone takes nothing
    or, while nothing is sent, is idle, which the application bounds.
    """

    def __init__(
        self, *, settings: Settings, held: HeldBytes, turns: Turns, **of_uvicorn: Any
    ) -> None:
        super().__init__(**of_uvicorn)
        self._unsent = Unsent(held, settings.send_timeout)
        self._unparsed = Unparsed(held)
        self._turns = turns
        self._is_queued = False
        self._frames = 0  # in this turn

    def connection_lost(self, exc: Exception | None) -> None:
        self._unsent.resume()
        self._unparsed.drop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse as much as may be now, and keep the rest."""
        self._unparsed.bytes += data
        if not self._is_queued:
            self._parse()

    def _parse(self) -> None:
        """Parse until a message waits for the application, or until others have their turn."""
        self._is_queued, self._frames = False, 0
        while self._unparsed.bytes and self._may_parse() and self._frames < _TURN:
            super().data_received(self._unparsed.take(_PIECE))
        self._go_on()

    def _may_parse(self) -> bool:
        """Not while a message waits, or while the answers to pings do."""
        return not self.read_paused and self.writable.is_set() and not self.transport.is_closing()

    def _go_on(self) -> None:
        """Read only what can be parsed, and after what has been read before."""
        if self.transport.is_closing():
            self._unparsed.drop()
            return
        self._unparsed.count()
        if self._unparsed.bytes or not self._may_parse():
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()
        if self._unparsed.bytes and self._may_parse() and not self._is_queued:
            self._is_queued = True
            self._turns.wait(self._parse)

    def handle_events(self) -> None:
        self._frames += len(self.conn.events)
        super().handle_events()

    def handle_cont(self, event: Frame) -> None:
        """Add to a message, if it has not too many frames."""
        if len(self.frames) < _MOST_FRAMES:
            super().handle_cont(event)
        elif not self.close_sent:
            self.conn.fail(CloseCode.MESSAGE_TOO_BIG, f"more than {_MOST_FRAMES} frames")
            self.handle_parser_exception()

    async def receive(self) -> Any:
        """Return the next message, and parse on."""
        message = await super().receive()
        self._go_on()
        return message

    async def send(self, message: Any) -> None:
        """Send; after a close nobody takes the messages that still come, and they are parsed."""
        await super().send(message)
        if self._unparsed.bytes:
            self._go_on()

    def pause_writing(self) -> None:
        """Count what the client has not taken yet, and see whether it takes any of it.

        Meanwhile nothing is read, for pings are answered as they are read.
        """
        super().pause_writing()
        self._go_on()
        self._unsent.pause(self.transport, str(self.scope.get(KEY_IN_SCOPE, "")))

    def resume_writing(self) -> None:
        """Watch no more: nearly all has been taken."""
        super().resume_writing()
        self._go_on()
        self._unsent.resume()
