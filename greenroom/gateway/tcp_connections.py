"""The TCP connections of this process, found by the name that gRPC gives their other end.

gRPC owns their sockets and tells nothing of them; the kernel does.
"""

import os
import socket
import struct
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

_DESCRIPTORS = Path("/proc/self/fd")
_RECEIVED = struct.Struct("=128xQ")
"""tcpi_bytes_received in Linux's tcp_info."""


class TcpConnections:
    """Remembers where they were found; each time it is made sure that they are still there."""

    def __init__(self) -> None:
        self._found: dict[str, int] = {}

    def received(self, peer: str) -> int | None:
        """Bytes that came from a peer, such as ``ipv4:127.0.0.1:4711``; None if it has gone."""
        address = unquote(peer).partition(":")[2]
        count = _received(self._found.get(address, -1), address)
        if count is None:
            self._look()
            count = _received(self._found.get(address, -1), address)
        return count

    def accepted_on(self, port: int) -> dict[str, int]:
        """The other ends of a port's connections, with the bytes that came from each."""
        self._look()
        counts = {
            address: _received(descriptor, address)
            for address, descriptor in self._found.items()
            if _own_port(descriptor) == port
        }
        return {address: count for address, count in counts.items() if count is not None}

    def shut_down(self, peer: str) -> bool:
        """End a peer's connection, as far as the network goes; gRPC does the rest."""
        if self.received(peer) is None:
            return False
        descriptor = self._found[unquote(peer).partition(":")[2]]
        with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as connection:
            connection.shutdown(socket.SHUT_RDWR)
        return True

    def _look(self) -> None:
        self._found = {}
        paths: list[Path] = []
        with suppress(OSError):  # no descriptor is left for the look itself
            paths = list(_DESCRIPTORS.iterdir())
        for path in paths:
            with suppress(OSError):
                if path.is_socket() and (address := _peer(int(path.name))):
                    self._found[address] = int(path.name)


def _received(descriptor: int, address: str) -> int | None:
    with suppress(OSError, struct.error):
        if _peer(descriptor) == address:
            given = socket.socket(fileno=descriptor)
            try:
                told = given.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _RECEIVED.size)
            finally:
                given.detach()
            return int(_RECEIVED.unpack(told)[0])
    return None


def _peer(descriptor: int) -> str | None:
    if descriptor < 0:
        return None
    given = socket.socket(fileno=descriptor)
    try:
        return _name(given.getpeername())
    finally:
        given.detach()


def _own_port(descriptor: int) -> int | None:
    with suppress(OSError):
        given = socket.socket(fileno=descriptor)
        try:
            address = given.getsockname()
        finally:
            given.detach()
        return int(address[1]) if isinstance(address, tuple) else None
    return None


def _name(address: object) -> str | None:
    match address:
        case (str(host), int(port), *_):
            host = host.removeprefix("::ffff:")  # an IPv4 client of an IPv6 socket
            return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return None
