"""A parser of HTTP requests that reads a request to change the protocol as if it did not ask.

So a server may answer (RFC 9110, 7.8), and some clients ask with every request (Java's does, for
HTTP/2). httptools would end such a request at its head: its body would be missing, and would be
read as a request of its own.
"""

from array import array

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class UpgradesIgnored(httptools.HttpRequestParser):
    """Gives the connection such a request's head once more, without the field Upgrade.

    The connection passes over the first, for which `should_upgrade()` holds. What the connection
    itself takes as an upgrade stays one: HttpParserUpgrade.
    """

    def __init__(self, connection: HttpToolsProtocol) -> None:
        super().__init__(connection)
        self.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        self._connection = connection

    def feed_data(self, data: "bytes | bytearray | memoryview | array[int]") -> None:
        """Parse the next bytes. Raises HttpParserError for what is no HTTP, CONNECT included."""
        try:
            super().feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self._connection._should_upgrade():
                raise
            (end,) = upgrade.args
            again = self._head() + bytes(data)[end:]
            # This one has ended where the request also says that it is the last.
            self._connection.parser = UpgradesIgnored(self._connection)
            self._connection.parser.feed_data(again)

    def _head(self) -> bytes:
        method = self.get_method()
        if method == b"CONNECT":
            raise httptools.HttpParserInvalidMethodError("CONNECT")
        version = self.get_http_version().encode()
        lines = [b"%s %s HTTP/%s" % (method, self._connection.url, version)]
        lines += [
            b"%s: %s" % (name, value)
            for name, value in self._connection.headers
            if name != b"upgrade"
        ]
        return b"\r\n".join((*lines, b"", b""))
