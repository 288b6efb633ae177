"""The ports of a service, and who has taken one."""

import errno
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import psutil

from greenroom.errors import SetupError
from greenroom.settings import Settings

_PORTS = [name for name in Settings.model_fields if name.endswith("_port")]


@dataclass(frozen=True)
class Listener:
    """An address that a process of the service is going to listen on."""

    setting: str
    host: str
    port: int


def gateway_listeners(settings: Settings) -> list[Listener]:
    return [
        Listener("GREENROOM_HTTP_PORT", settings.host, settings.http_port),
        Listener("GREENROOM_GRPC_PORT", settings.host, settings.grpc_port),
    ]


def triton_listeners(settings: Settings) -> list[Listener]:
    """Of its metrics alone where the rest is on sockets."""
    host, metrics = settings.triton_listens_on, settings.triton_metrics_listen_on
    found = [Listener("GREENROOM_TRITON_METRICS_PORT", metrics, settings.triton_metrics_port)]
    if not settings.triton_on_socket:
        found += [
            Listener("GREENROOM_TRITON_HTTP_PORT", host, settings.triton_http_port),
            Listener("GREENROOM_TRITON_GRPC_PORT", host, settings.triton_grpc_port),
        ]
    return found


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 on which nobody listens now, all different."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def free_settings(**given: Any) -> Settings:
    """Settings with free ports, and the given ones over the environment's.

    A port is free when this looks; another process may still be quicker.
    """
    return Settings(**dict(zip(_PORTS, free_ports(len(_PORTS)), strict=True)) | given)


def check_ports(listeners: Sequence[Listener]) -> None:
    """Raise SetupError for the first address that cannot be listened on."""
    seen: dict[int, str] = {}
    for listener in listeners:
        if listener.port in seen:
            raise SetupError(
                f"{seen[listener.port]} and {listener.setting} are both {listener.port}; "
                "each needs a port of its own."
            )
        seen[listener.port] = listener.setting
        if fault := port_fault(listener):
            raise SetupError(fault)


def port_fault(listener: Listener) -> str | None:
    """The sentence that says why an address cannot be listened on; None: it can."""
    host, port = listener.host, listener.port
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            # Connections of an earlier run that are still in TIME_WAIT do not matter.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        reason = f"cannot be used: {error.strerror}"
        if error.errno == errno.EADDRINUSE:
            reason = f"is taken by {_owner(port)}"
        return f"Port {port} on {host} {reason}; set {listener.setting} to another one."
    return None


def _owner(port: int) -> str:
    for connection in psutil.net_connections("tcp"):
        taken = connection.laddr[1:] == (port,) and connection.status == psutil.CONN_LISTEN
        if taken and connection.pid:
            return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return "another program"
