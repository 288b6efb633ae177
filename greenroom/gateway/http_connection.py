"""One HTTP connection: uvicorn's, with bounds on what comes before and after anybody reads it.

The application bounds the bodies that it reads. Here are bounded a request's head, which uvicorn
collects however long it gets, and the rest of a body that is thrown away because the request was
answered without it.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from greenroom.gateway.upgrades_ignored import UpgradesIgnored

_MOST_HEAD = 64 * 1024
"""Bytes of a request line and its headers."""
_REFUSAL = (
    "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n"
    "connection: close\r\n\r\n{body}"
)


class HttpConnection(HttpToolsProtocol):
    """Closes the connection of a head that is too long or too slow, or of an endless rest.

    The clock runs from the connection's start or the last answer to a whole head, anew from
    the head's first bytes.
    """

    def __init__(self, *, receive_timeout: float, **of_uvicorn: Any) -> None:
        super().__init__(**of_uvicorn)
        self.parser = UpgradesIgnored(self)
        self._seconds = receive_timeout
        self._in_head = False
        self._head_bytes = 0
        self._clock: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first head."""
        super().connection_made(transport)
        self._start_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._stop_clock()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Hand the bytes to the parser; those that leave a head unfinished count."""
        super().data_received(data)
        if not self._in_head:
            return
        if not self._head_bytes:
            self._start_clock()
        self._head_bytes += len(data)
        if self._head_bytes > _MOST_HEAD:
            sentence = f"The request's head has more than {_MOST_HEAD} bytes."
            self._refuse("431 Request Header Fields Too Large", sentence)

    def on_message_begin(self) -> None:
        """Expect a head."""
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0

    def on_headers_complete(self) -> None:
        """Leave the waiting for the body to who reads it."""
        self._in_head = False
        self._stop_clock()
        if not self.parser.should_upgrade():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Pass over the end of a head that comes again."""
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next head, after what may still come of the body."""
        super().on_response_complete()
        self._start_clock()

    def _start_clock(self) -> None:
        self._stop_clock()
        self._clock = self.loop.call_later(self._seconds, self._too_late)

    def _stop_clock(self) -> None:
        if self._clock:
            self._clock.cancel()
            self._clock = None

    def _too_late(self) -> None:
        if self._in_head:
            sentence = (
                f"The request's head did not arrive within receive_timeout ({self._seconds:g} s)."
            )
            self._refuse("408 Request Timeout", sentence)
        else:
            self.transport.close()

    def _refuse(self, status: str, sentence: str) -> None:
        """Answer what never became a request, unless an earlier one still waits for its answer."""
        answered = self.cycle is None or self.cycle.response_complete
        if answered and not self.transport.is_closing():
            body = f'{{"error":"{sentence}"}}'
            head = _REFUSAL.format(status=status, length=len(body), body=body)
            self.transport.write(head.encode())
        self.transport.close()
