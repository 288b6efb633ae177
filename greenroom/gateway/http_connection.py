"""One HTTP connection: uvicorn's, with bounds on what comes before and after anybody reads it.

The application bounds the bodies that it reads. Here are bounded a request's head, which uvicorn
collects however long it gets; the rest of a body that is thrown away because the request was
answered without it; an answer that its client does not take; and how many connections there are.
"""

import asyncio
from collections.abc import Callable, Iterable
from math import inf
from typing import Any

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from greenroom.errors import InvalidInput
from greenroom.gateway.asking import KEY_IN_SCOPE
from greenroom.gateway.held_bytes import HeldBytes
from greenroom.gateway.request_id import id_of
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
"""Seconds from the end of that answer to the close. A close with bytes unread is a reset, which
takes the answer away from a client that is still sending (RFC 9112, 9.6)."""
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
        websockets: Callable[[str], bool],
        **of_uvicorn: Any,
    ) -> None:
        super().__init__(**of_uvicorn)
        self._application, self.app = self.app, self._call
        self.parser = UpgradesIgnored(self)
        self._settings = settings
        self._websockets = websockets
        self._unsent = Unsent(held, settings.send_timeout)
        self._in_head = self._in_body = False
        self._head_bytes = 0
        self._body_bytes = 0  # of the bytes at hand
        self._beside = 0
        self._unread = 0
        self._is_last = False
        self._answering: Any = None
        """uvicorn's cycle of the request that runs; `cycle` is the newest, which may wait."""
        self._fault = ""
        self._idle_since = self.loop.time()
        self._clock: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first head, if there is room."""
        full = len(self.connections) >= self._settings.max_connections and not self._make_room()
        super().connection_made(transport)
        if full:
            sentence = (
                f"{self._settings.max_connections} connections are open, as many as "
                "max_connections allows."
            )
            self._refuse("503 Service Unavailable", sentence)
        else:
            self._start_clock(self._settings.header_timeout)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_clock()
        self._unsent.resume()
        super().connection_lost(exc)
        if self._answering:
            self._answering.disconnected = True
            self._answering.message_event.set()

    def data_received(self, data: bytes) -> None:
        """Hand the bytes to the parser; those that leave a head unfinished or are no body count."""
        self._body_bytes = 0
        super().data_received(data)
        if self._in_body:
            beside = len(data) - (1 + _OF_BODY) * self._body_bytes
            self._beside = max(0, self._beside + beside)
            if self._beside > _MOST_BESIDE:
                self._refuse("400 Bad Request", "The request's chunks have too much beside a body.")
        if not self._in_head:
            return
        if not self._head_bytes:
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
        self._body_bytes += len(body)
        super().on_body(body)
        if self.cycle.response_complete:
            self._unread += len(body)
            if self._unread > _MOST_UNREAD:
                self.transport.pause_reading()
                self.transport.write_eof()
                self._start_clock(_LAST_LOOK)

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
        else:
            self._start_clock(KEEP_ALIVE)

    def on_response_complete(self) -> None:
        """Wait for what may still come of the body; uvicorn waits for the next head."""
        super().on_response_complete()
        self._idle_since = self.loop.time()
        if self.cycle.response_complete and self.cycle.more_body:
            self._start_clock(self._settings.receive_timeout)
        elif self._is_last:
            self.transport.close()

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

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over."""
        self._unsent.resume()
        super().handle_websocket_upgrade()

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

    def _make_room(self) -> bool:
        """Closes the connection that has been idle for longest; false if none is."""
        idle = [one for one in self.connections if isinstance(one, HttpConnection) and one._idle]
        if idle:
            longest = min(idle, key=lambda one: one._idle_since)
            longest.transport.close()
            self.connections.discard(longest)
        return bool(idle)

    @property
    def _idle(self) -> bool:
        """Nothing is asked: neither begun nor unanswered, nor an answer not yet taken."""
        answered = self.cycle is None or self.cycle.response_complete
        return answered and not self._in_head and not self._unsent.bytes

    def _start_clock(self, seconds: float) -> None:
        self._stop_clock()
        self._clock = self.loop.call_later(seconds, self._too_late)

    def _stop_clock(self) -> None:
        if self._clock:
            self._clock.cancel()
            self._clock = None

    def _too_late(self) -> None:
        if self._in_head:
            seconds = self._settings.header_timeout
            sentence = (
                f"The request's headers did not arrive within header_timeout ({seconds:g} s)."
            )
            self._refuse("408 Request Timeout", sentence)
        else:
            self.transport.close()

    def _refuse(self, status: str, sentence: str) -> None:
        """Answer what never became a request, unless an earlier one still waits for its answer."""
        answered = self.cycle is None or self.cycle.response_complete
        if answered and not self.transport.is_closing():
            body = f'{{"error":"{sentence}"}}'
            head = _REFUSAL.format(status=status, length=len(body), number=id_of(None), body=body)
            self.transport.write(head.encode())
        self.transport.close()


def _bytes_to_come(headers: Iterable[tuple[bytes, bytes]]) -> float:
    """Return the length of the request's body; infinite if it is not told."""
    fields = dict(headers)
    length = fields.get(b"content-length", b"")
    if length.isdigit():
        return int(length)
    return inf if b"transfer-encoding" in fields else 0
