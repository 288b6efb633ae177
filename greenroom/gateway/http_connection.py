"""One HTTP connection: uvicorn's, with bounds on what comes before and after anybody reads it.

The application bounds the bodies that it reads. Here are bounded a request's head, which uvicorn
collects however long it gets; the rest of a body that is thrown away because the request was
answered without it; an answer that its client does not take; and how many connections there are.
A request is parsed when the answer to the one before it is taken: what uvicorn makes of it takes a
hundred times its bytes.
"""

import asyncio
from collections.abc import Callable, Iterable
from math import inf
from typing import Any

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from greenroom.errors import InvalidInput
from greenroom.gateway.asking import KEY_IN_SCOPE
from greenroom.gateway.held_bytes import HeldBytes
from greenroom.gateway.request_id import id_of
from greenroom.gateway.turns import Turns
from greenroom.gateway.unparsed import Unparsed
from greenroom.gateway.unsent import Unsent
from greenroom.gateway.upgrades_ignored import UpgradesIgnored
from greenroom.settings import Settings

KEEP_ALIVE = 75
"""Seconds for which an idle connection is kept: longer than any client keeps it (aiohttp 15,
nginx and load balancers 60). Whoever closes first must not be the one that may just be asked:
a POST that crosses the close is lost, and no client may send it again by itself."""
_MOST_HEAD = 64 * 1024
"""Bytes of a request line and its headers."""
_MOST_FIELDS = 200
"""Headers: the shortest one takes thirty times its bytes of memory."""
_MOST_BESIDE = 128 * 1024
"""Bytes beside a body, of chunks' extensions and trailers; chunks have more, see `_OF_BODY`."""
_OF_BODY = 8
"""Bytes beside a byte of the body that small chunks may have."""
_MOST_UNREAD = 2**20
"""Bytes of a body that may still come after its answer, so that the connection can be kept."""
_LAST_LOOK = 2.0
"""Seconds from the end of an answer to the close, where more comes than is read. A close with
bytes unread is a reset, which takes the answer away from a client that is still sending (RFC 9112,
9.6)."""
_END = b"\r\n\r\n"
"""Of a head, and of a chunked body: nothing else ends them."""
_PIECE = 4096
"""Bytes that are parsed at one go, of a head or of chunks."""
_TURN = 64
"""Pieces, parts of a body and headers after which other connections have their turn."""
_UNREADABLE = 16 * 1024
"""Bytes unparsed with which a connection is not read, not even to see its client leave."""
_REFUSAL = (
    "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n"
    "x-request-id: {number}\r\nconnection: close\r\n\r\n{body}"
)


class HttpConnection(HttpToolsProtocol):
    """Closes the connection of a head too long or too slow, an endless rest, an answer not taken.

    The clock of a head runs from the connection's start, and anew from the head's first bytes.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        held: HeldBytes,
        turns: Turns,
        websockets: Callable[[str], bool],
        **of_uvicorn: Any,
    ) -> None:
        super().__init__(**of_uvicorn)
        self._application, self.app = self.app, self._call
        self.parser = UpgradesIgnored(self)
        self._settings = settings
        self._websockets = websockets
        self._unsent = Unsent(held, settings.send_timeout)
        self._unparsed = Unparsed(held)
        self._turns = turns
        self._is_queued = False
        self._work = 0  # in this turn, see `_TURN`
        self._in_head = self._in_body = False
        self._head_bytes = 0
        self._head_since = 0.0
        self._to_come = 0.0
        self._body_bytes = 0  # of the bytes at hand
        self._beside = 0
        self._unread = 0
        self._is_last = False
        self._is_over = False
        self._answering: Any = None
        """uvicorn's cycle of the request that runs; `cycle` is the newest, which may wait."""
        self._fault = ""
        self._idle_since = self.loop.time()
        self._clock: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first head, if there is room."""
        most = self._settings.max_connections
        full = f"{most} connections are open, as many as max_connections allows."
        has_room = len(self.connections) < most or self._make_room(full)
        super().connection_made(transport)
        self.flow = _Reading(transport, self._unparsed)
        if has_room:
            self._start_clock(self._settings.header_timeout)
        else:
            self._close_with("503 Service Unavailable", full)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_clock()
        self._unsent.resume()
        self._unparsed.drop()
        super().connection_lost(exc)
        if self._answering:
            self._answering.disconnected = True
            self._answering.message_event.set()

    def data_received(self, data: bytes) -> None:
        """Parse as much as may be now, and keep the rest."""
        self._unparsed.bytes += data
        if self._is_queued:
            self.flow.pause_reading()
        else:
            self._parse()

    def _parse(self) -> None:
        """Parse until a whole request waits for its answer, or until others have their turn."""
        self._is_queued, self._work = False, 0
        waited = self.flow.read_paused
        while self._unparsed.bytes and self._may_parse() and self._work < _TURN:
            self._work += 1
            self._parse_piece(self._unparsed.take(self._piece()))
        if self._is_over or self.transport.is_closing():
            self._unparsed.drop()
            return
        self._unparsed.count()
        if self._unparsed.bytes:
            self.flow.pause_reading()
            self._go_on()
        elif waited and not (self.cycle and len(self.cycle.body) > HIGH_WATER_LIMIT):
            self.flow.resume_reading()

    def _go_on(self) -> None:
        if self._unparsed.bytes and self._may_parse() and not self._is_queued:
            self._is_queued = True
            self._turns.wait(self._parse)

    def _may_parse(self) -> bool:
        """Whether the newest request goes on, or is answered and its client takes the answer."""
        if self._is_over or self.transport.is_closing():
            return False
        goes_on = self.cycle and self.cycle.more_body
        return bool(goes_on or (self._answered and not self.flow.write_paused))

    def _piece(self) -> int:
        """Bytes that end no more than one head or body."""
        if self._in_body and 0 < self._to_come < inf:
            return int(self._to_come)
        end = self._unparsed.bytes.find(_END, 0, _PIECE + len(_END) - 1)
        return _PIECE if end < 0 else end + len(_END)

    def _parse_piece(self, data: bytes) -> None:
        """Hand bytes to the parser; those that leave a head unfinished or are no body count."""
        self._body_bytes = 0
        super().data_received(data)
        if self._is_over:
            return
        if self._in_body:
            beside = len(data) - (1 + _OF_BODY) * self._body_bytes
            self._beside = max(0, self._beside + beside)
            if self._beside > _MOST_BESIDE:
                self._refuse("400 Bad Request", "The request's chunks have too much beside a body.")
        if not self._in_head:
            return
        if not self._head_bytes:
            self._head_since = self.loop.time()
            self._start_clock(self._settings.header_timeout)
        self._head_bytes += len(data)
        if self._head_bytes > _MOST_HEAD:
            sentence = f"The request's headers have more than {_MOST_HEAD} bytes."
            self._refuse("431 Request Header Fields Too Large", sentence)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._head_bytes, self._unread, self._is_last = True, 0, 0, False
        self._beside = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep no trailers, which nobody reads. Raises InvalidInput as `_check_host` does."""
        self._work += 1
        if not self._in_head:
            return
        if len(self.headers) >= _MOST_FIELDS:
            self._fault = f"The request has more than {_MOST_FIELDS} headers."
            raise InvalidInput(self._fault)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Leave the waiting for the body to who reads it."""
        self._in_head, self._in_body = False, True
        self._stop_clock()
        self._check_host()
        self._to_come = _bytes_to_come(self.headers)
        if not self.parser.should_upgrade() or self._should_upgrade():
            super().on_headers_complete()

    def _check_host(self) -> None:
        """Raises InvalidInput, which the parser turns into `send_400_response` (RFC 9112, 3.2)."""
        hosts = [value for name, value in self.headers if name == b"host"]
        if len(hosts) > 1 or (not hosts and self.parser.get_http_version() == "1.1"):
            self._fault = f"The request has {len(hosts)} Host headers; HTTP/1.1 needs exactly one."
            raise InvalidInput(self._fault)

    def on_body(self, body: bytes) -> None:
        """Count what nobody will read."""
        self._work += 1
        self._body_bytes += len(body)
        self._to_come -= len(body)
        super().on_body(body)
        if self.cycle.response_complete:
            self._unread += len(body)
            if self._unread > _MOST_UNREAD:
                self._look_last()

    def on_message_complete(self) -> None:
        """Wait for the next head if the answer was there before its request."""
        self._in_body = False
        if self.parser.should_upgrade():  # the end of a head that comes again
            return
        super().on_message_complete()
        if not self.cycle.response_complete:
            return
        if self._is_last:
            self.transport.close()
        elif not self._is_over:
            self._start_clock(KEEP_ALIVE)

    def on_response_complete(self) -> None:
        """Wait for what may still come of the body; uvicorn waits for the next head.

        Here that may have come already.
        """
        super().on_response_complete()
        self._idle_since = self.loop.time()
        if self.cycle.response_complete and self.cycle.more_body:
            self._start_clock(self._settings.receive_timeout)
        elif self._is_last:
            self.transport.close()
        self._go_on()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        self._refuse("400 Bad Request", self._fault or msg)

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection; one whose client left the answer lie would never close."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        super().timeout_keep_alive_handler()

    def pause_writing(self) -> None:
        """Count what the client has not taken yet, and see whether it takes any of it."""
        super().pause_writing()
        self._unsent.pause(self.transport, str((self.scope or {}).get(KEY_IN_SCOPE, "")))

    def resume_writing(self) -> None:
        """Watch no more: nearly all has been taken."""
        super().resume_writing()
        self._unsent.resume()
        self._go_on()

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over, with what has come behind the head."""
        self._unsent.resume()
        rest = bytes(self._unparsed.bytes)
        self._unparsed.drop()
        self.flow.resume_reading()
        super().handle_websocket_upgrade()
        if rest:
            protocol: Any = self.transport.get_protocol()
            protocol.data_received(rest)

    async def _call(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application; an answer before a long body says that the connection ends."""
        of_cycle: Any = receive
        self._answering = of_cycle.__self__

        async def tell(message: Any) -> None:
            starts = message["type"] == "http.response.start"
            if not (starts and self.cycle.scope is scope and self.cycle.more_body):
                await send(message)
                return
            self._is_last = (
                not self.cycle.keep_alive
                or _bytes_to_come(self.cycle.scope["headers"]) > _MOST_UNREAD
            )
            self.cycle.keep_alive = not self._is_last
            await send(message)
            # uvicorn would close at the answer's end, with bytes unread.
            self.cycle.keep_alive = True

        await self._application(scope, receive, tell)

    def _should_upgrade(self) -> bool:
        """Only a path that knows WebSockets; for all others the field Upgrade is not there."""
        path = self.url.partition(b"?")[0].decode("latin-1")
        asked = self.parser.get_method() == b"GET" and self._websockets(path)
        return asked and super()._should_upgrade()

    def _make_room(self, full: str) -> bool:
        """Closes the connection that has been idle for longest, or else the oldest unfinished head.

        False if all others ask for something.
        """
        others = [one for one in self.connections if isinstance(one, HttpConnection)]
        if idle := [one for one in others if one._idle]:
            longest = min(idle, key=lambda one: one._idle_since)
            longest.transport.close()
        elif begun := [one for one in others if one._in_head and one._answered]:
            longest = min(begun, key=lambda one: one._head_since)
            longest._close_with("503 Service Unavailable", full)
        else:
            return False
        self.connections.discard(longest)
        return True

    @property
    def _idle(self) -> bool:
        """Nothing is asked: neither begun nor unanswered, nor an answer not yet taken."""
        begun = self._in_head or self._unparsed.bytes
        return self._is_over or (self._answered and not begun and not self._unsent.bytes)

    @property
    def _answered(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _start_clock(self, seconds: float) -> None:
        self._stop_clock()
        self._clock = self.loop.call_later(seconds, self._too_late)

    def _stop_clock(self) -> None:
        if self._clock:
            self._clock.cancel()
            self._clock = None

    def _too_late(self) -> None:
        if self._in_head and not self._is_over:
            seconds = self._settings.header_timeout
            sentence = (
                f"The request's headers did not arrive within header_timeout ({seconds:g} s)."
            )
            self._close_with("408 Request Timeout", sentence)
        else:
            self.transport.close()

    def _refuse(self, status: str, sentence: str) -> None:
        """Answer what never became a request, and of which more may come."""
        if self._answered and not self.transport.is_closing():
            self._write_refusal(status, sentence)
            self._look_last()
        else:
            self.transport.close()

    def _close_with(self, status: str, sentence: str) -> None:
        """Answer what has not become a request, of which no more is on its way."""
        if self._answered and not self.transport.is_closing():
            self._write_refusal(status, sentence)
        self.transport.close()

    def _write_refusal(self, status: str, sentence: str) -> None:
        body = f'{{"error":"{sentence}"}}'
        head = _REFUSAL.format(status=status, length=len(body), number=id_of(None), body=body)
        self.transport.write(head.encode())

    def _look_last(self) -> None:
        """Read no more, and close when the client has had time to read."""
        self._is_over = True
        self.transport.pause_reading()
        self.transport.write_eof()
        self._start_clock(_LAST_LOOK)


class _Reading(FlowControl):
    """Is not resumed by an application that waits for its client to leave if too much has come."""

    def __init__(self, transport: asyncio.Transport, unparsed: Unparsed) -> None:
        super().__init__(transport)
        self._unparsed = unparsed

    def resume_reading(self) -> None:
        if len(self._unparsed.bytes) < _UNREADABLE:
            super().resume_reading()


def _bytes_to_come(headers: Iterable[tuple[bytes, bytes]]) -> float:
    """Return the length of the request's body; infinite if it is not told."""
    fields = dict(headers)
    length = fields.get(b"content-length", b"")
    if length.isdigit():
        return int(length)
    return inf if b"transfer-encoding" in fields else 0
