"""Listens on both ports and wires the gateway to the controller."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any

import grpc
import uvicorn
from starlette.types import ASGIApp

from greenroom.controller.controller import Controller
from greenroom.errors import SetupError
from greenroom.gateway.api_keys import ApiKeys, api_keys, exposed
from greenroom.gateway.app import app
from greenroom.gateway.app_gateway import AppGateway
from greenroom.gateway.app_plugin import App
from greenroom.gateway.apps import Apps, installed_apps
from greenroom.gateway.client_regions import ClientRegions
from greenroom.gateway.guard import GuardedGrpc, GuardedHttp
from greenroom.gateway.held_bytes import HeldBytes
from greenroom.gateway.http_connection import KEEP_ALIVE, HttpConnection
from greenroom.gateway.json_from_pages import JsonFromPages
from greenroom.gateway.kserve_grpc import KServeGrpc
from greenroom.gateway.kserve_http import KServeHttp
from greenroom.gateway.lease import Leased
from greenroom.gateway.permissions import is_probe
from greenroom.gateway.repository_api import RepositoryApi
from greenroom.gateway.request_body import BoundedBodies
from greenroom.gateway.residency_http import ResidencyHttp
from greenroom.origin_guard import OriginGuard, with_cors
from greenroom.settings import Settings
from greenroom.triton.client import Triton
from greenroom.triton.http_client import TritonHttp, session
from greenroom.triton.tensor_calls import TensorCalls

logger = logging.getLogger(__name__)

_LAST_ANSWERS = 2.0
"""Seconds in which what was answered has to be written when the gateway ends."""


class _HttpServer(uvicorn.Server):
    """Ends when it is told to; signals are the process's own business."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def gateway(
    settings: Settings, controller: Controller, triton: Triton
) -> AsyncIterator[None]:
    """Serve while inside; at the end drain: old requests are answered, new ones refused.

    Raises SetupError if a port is taken, an app cannot be loaded, or API keys are missing or
    cannot be read.
    """
    keys, apps = api_keys(settings), installed_apps()
    if warning := exposed(settings):
        logger.warning(warning)
    leased = Leased(controller, settings)
    repository = RepositoryApi(controller, triton, settings.allow_load_overrides)
    calls, traces = TensorCalls(triton), controller.traces
    for one in apps.all:
        controller.metrics.expect_protocol(one.name)

    def gateway_of(one: App) -> AppGateway:
        return AppGateway(one.name, settings, controller, leased, calls)

    kserve_grpc = KServeGrpc(controller, triton, repository, leased, settings)
    joined = traces.around_grpc(kserve_grpc)
    grpc_server = await _grpc_server(settings, GuardedGrpc(joined, keys) if keys else joined)
    async with session(settings) as connections:
        http, regions = TritonHttp(settings, connections), ClientRegions(settings.shared_memory)
        most = settings.max_request_bytes
        kserve = KServeHttp(controller, repository, leased, http, regions, most)
        routes = [*kserve.routes(), *ResidencyHttp(controller).routes()]
        answering = JsonFromPages(app(routes, lambda nobody: apps.started(gateway_of, nobody)))
        whole = traces.around_http(BoundedBodies(answering, settings, leased.held))
        door = _http_door(whole, settings, keys, apps)
        http_server = _http_server(door, settings, leased.held)
        listening = _http_socket(settings)
        serving = asyncio.create_task(http_server.serve([listening]))
        try:
            yield
        finally:
            await controller.drain(settings.drain_timeout)
            http_server.should_exit = True
            await grpc_server.stop(_LAST_ANSWERS)
            await serving


def _http_door(whole: ASGIApp, settings: Settings, keys: ApiKeys, apps: Apps) -> ASGIApp:
    """Behind keys or, without any, behind a look at who asks."""
    if keys:  # a preflight brings none
        return with_cors(GuardedHttp(whole, keys, apps), settings.allowed_origins)
    return OriginGuard(
        whole,
        hosts=(settings.host, *settings.allowed_hosts),
        origins=settings.allowed_origins,
        refuse=apps.refusal,
        free=is_probe,
    )


def _http_server(application: ASGIApp, settings: Settings, held: HeldBytes) -> _HttpServer:
    connection: Any = partial(HttpConnection, settings=settings, held=held)
    return _HttpServer(
        uvicorn.Config(
            application,
            http=connection,
            access_log=False,
            log_config=None,
            lifespan="off",
            ws="none",
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=1,
        )
    )


def _http_socket(settings: Settings) -> socket.socket:
    ipv6 = ":" in settings.host
    try:
        return socket.create_server(
            (settings.host, settings.http_port),
            family=socket.AF_INET6 if ipv6 else socket.AF_INET,
            dualstack_ipv6=ipv6,
            backlog=2048,
        )
    except OSError as error:
        raise SetupError(
            f"Port {settings.http_port} (GREENROOM_HTTP_PORT) cannot be used on "
            f"{settings.host}: {error.strerror}."
        ) from error


async def _grpc_server(settings: Settings, handler: grpc.GenericRpcHandler) -> grpc.aio.Server:
    server = grpc.aio.server(
        options=(
            ("grpc.max_receive_message_length", settings.max_request_bytes),
            ("grpc.max_send_message_length", -1),
            ("grpc.so_reuseport", 0),
            ("grpc.max_allowed_incoming_connections", settings.max_connections),
            ("grpc.max_concurrent_streams", settings.max_connections),
            ("grpc.max_connection_idle_ms", KEEP_ALIVE * 1000),
            ("grpc.server_handshake_timeout_ms", round(settings.header_timeout * 1000)),
            # A client that answers no ping has left, or reads nothing at all.
            ("grpc.keepalive_time_ms", round(settings.send_timeout * 1000)),
            ("grpc.keepalive_timeout_ms", round(settings.send_timeout * 1000)),
        )
    )
    server.add_generic_rpc_handlers((handler,))
    try:
        server.add_insecure_port(settings.listening_on(settings.grpc_port))
    except RuntimeError:
        raise SetupError(
            f"Port {settings.grpc_port} (GREENROOM_GRPC_PORT) cannot be used on {settings.host}."
        ) from None
    await server.start()
    return server
