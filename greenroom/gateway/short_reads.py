"""A connection whose bytes come in small pieces, so that none keeps the event loop for itself."""

import asyncio

_MOST = 16 * 1024
"""Bytes at one time. The loops read 256 KiB, which may be thousands of requests."""


class ShortReads(asyncio.BufferedProtocol):
    """Reads for another protocol, which may pause it after each piece."""

    def __init__(self, protocol: asyncio.Protocol) -> None:
        self._protocol = protocol
        self._buffer = bytearray()

    def get_buffer(self, sizehint: int) -> bytearray:
        self._buffer = bytearray(_MOST)
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        data, self._buffer = bytes(memoryview(self._buffer)[:nbytes]), bytearray()
        self._protocol.data_received(data)

    def data_received(self, data: bytes) -> None:
        """Hand on what another protocol has read of this connection."""
        self._protocol.data_received(data)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._protocol.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._protocol.connection_lost(exc)

    def eof_received(self) -> bool | None:
        return self._protocol.eof_received()

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()
