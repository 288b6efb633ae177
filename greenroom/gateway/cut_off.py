"""Ends the connection of a gRPC client that does not take its answer.

grpc.aio cannot end a call whose message waits for the client: any other operation fails until it
is taken. So its socket, one of this process's, is shut down, and gRPC does the rest.
"""

import logging
import os
import socket
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

logger = logging.getLogger(__name__)

_DESCRIPTORS = Path("/proc/self/fd")


def cut_off(peer: str) -> None:
    """Shut down the connection with a peer, such as ``ipv4:127.0.0.1:4711``, as gRPC names it."""
    address = unquote(peer).partition(":")[2]
    for path in list(_DESCRIPTORS.iterdir()):
        if not path.is_socket():
            continue
        with suppress(OSError), socket.socket(fileno=os.dup(int(path.name))) as connection:
            if _name(connection.getpeername()) == address:
                connection.shutdown(socket.SHUT_RDWR)
                logger.info("Client %s did not take its answer and was cut off", address)


def _name(address: object) -> str | None:
    match address:
        case (str(host), int(port), *_):
            host = host.removeprefix("::ffff:")  # an IPv4 client of an IPv6 socket
            return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return None
