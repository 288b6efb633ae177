"""A server of HTTP/1.1 whose connections are bounded, and the socket that it listens on."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import uvicorn
from starlette.types import ASGIApp

from greenroom.errors import SetupError
from greenroom.gateway.held_bytes import HeldBytes
from greenroom.gateway.http_connection import KEEP_ALIVE, HttpConnection
from greenroom.gateway.short_reads import ShortReads
from greenroom.gateway.turns import Turns
from greenroom.gateway.websocket_connection import MOST_MESSAGE, WebSocketConnection
from greenroom.settings import Settings

_NOTSENT_LOWAT = 25
"""Linux' TCP_NOTSENT_LOWAT, for which Python has a name from 3.12 on."""
_MOST_UNSENT = 128 * 1024
"""Bytes of an answer that the kernel keeps beyond those that are on their way."""


class HttpServer(uvicorn.Server):
    """Ends when it is told to; signals are the process's own business.

    `websockets` tells the paths of WebSockets; elsewhere a wish to change the protocol is ignored.
    """

    def __init__(
        self,
        application: ASGIApp,
        settings: Settings,
        held: HeldBytes | None = None,
        lifespan: Literal["on", "off"] = "off",
        websockets: Callable[[str], bool] = lambda path: False,
    ) -> None:
        held = held or HeldBytes(settings.max_held_bytes)
        shared: Any = {"settings": settings, "held": held, "turns": Turns()}

        def connection(**of_uvicorn: Any) -> ShortReads:
            return ShortReads(HttpConnection(websockets=websockets, **shared, **of_uvicorn))

        def websocket(**of_uvicorn: Any) -> ShortReads:
            return ShortReads(WebSocketConnection(**shared, **of_uvicorn))

        of_http: Any = connection
        of_websocket: Any = websocket
        super().__init__(
            uvicorn.Config(
                application,
                http=of_http,
                access_log=False,
                log_config=None,
                lifespan=lifespan,
                ws=of_websocket,
                ws_max_size=MOST_MESSAGE,
                ws_ping_interval=None,
                ws_per_message_deflate=False,  # a frame of 86 bytes unpacks to 64 KiB
                timeout_keep_alive=KEEP_ALIVE,
                timeout_graceful_shutdown=1,
            )
        )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def http_socket(host: str, port: int, variable: str) -> socket.socket:
    """Raises SetupError, naming the variable, if the port cannot be used."""
    ipv6 = ":" in host
    try:
        listening = socket.create_server(
            (host, port),
            family=socket.AF_INET6 if ipv6 else socket.AF_INET,
            dualstack_ipv6=ipv6,
            backlog=2048,
        )
    except OSError as error:
        raise SetupError(
            f"Port {port} ({variable}) cannot be used on {host}: {error.strerror}."
        ) from error
    # Its connections inherit it: else the kernel takes megabytes of pieces that nobody has read.
    listening.setsockopt(socket.IPPROTO_TCP, _NOTSENT_LOWAT, _MOST_UNSENT)
    return listening
