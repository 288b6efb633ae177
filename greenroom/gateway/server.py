"""Listens on both ports and wires the gateway to the controller."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
from starlette.types import ASGIApp

from greenroom.controller.controller import Controller
from greenroom.errors import SetupError
from greenroom.gateway.api_keys import ApiKeys, Scope, api_keys, exposed
from greenroom.gateway.app import app
from greenroom.gateway.app_gateway import AppGateway
from greenroom.gateway.app_plugin import App
from greenroom.gateway.apps import Apps, installed_apps
from greenroom.gateway.client_regions import ClientRegions
from greenroom.gateway.cut_requests import CutRequests
from greenroom.gateway.grpc_messages import GrpcMessages
from greenroom.gateway.grpc_services import GrpcServices
from greenroom.gateway.guard import GuardedGrpc, GuardedHttp
from greenroom.gateway.http_connection import KEEP_ALIVE
from greenroom.gateway.http_server import HttpServer, http_socket
from greenroom.gateway.json_from_pages import JsonFromPages
from greenroom.gateway.kserve_grpc import KServeGrpc
from greenroom.gateway.kserve_http import KServeHttp
from greenroom.gateway.lease import Leased
from greenroom.gateway.memory_return import returning_memory
from greenroom.gateway.permissions import http_scope, is_probe
from greenroom.gateway.repository_api import RepositoryApi
from greenroom.gateway.request_body import BoundedBodies
from greenroom.gateway.request_ids import NumberedGrpc, NumberedHttp
from greenroom.gateway.request_log import request_log
from greenroom.gateway.residency_http import ResidencyHttp
from greenroom.gateway.standard_grpc import StandardGrpc
from greenroom.gateway.until_left import UntilLeft
from greenroom.gateway.walks import Walks
from greenroom.origin_guard import OriginGuard, with_cors
from greenroom.settings import Settings
from greenroom.triton.client import Triton
from greenroom.triton.http_client import TritonHttp, session
from greenroom.triton.model_calls import ModelCalls

logger = logging.getLogger(__name__)

_LAST_ANSWERS = 2.0
"""Seconds in which what was answered has to be written when the gateway ends."""


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
    walks = Walks(controller.repository, ModelCalls(triton), leased)
    traces = controller.traces
    for model in filter(walks.streams, controller.repository.models):
        controller.metrics.expect_streams(model)
    for one in apps.all:
        controller.metrics.expect_protocol(one.name)

    def gateway_of(one: App) -> AppGateway:
        return AppGateway(one.name, settings, controller, leased, walks)

    messages = GrpcMessages(settings, leased.held)
    kserve_grpc = KServeGrpc(controller, triton, repository, leased, walks, messages, settings)
    standard_grpc = StandardGrpc(controller, messages)
    joined = traces.around_grpc(GrpcServices(messages, kserve_grpc, standard_grpc))
    log = request_log(settings)
    numbered = NumberedGrpc(GuardedGrpc(joined, keys) if keys else joined, log)
    async with session(settings) as connections:
        http, regions = TritonHttp(settings, connections), ClientRegions(settings.shared_memory)
        most = settings.max_request_bytes
        kserve = KServeHttp(controller, repository, leased, walks, http, regions, most)
        routes = [*kserve.routes(), *ResidencyHttp(controller).routes()]
        whole_app = app(routes, lambda nobody: apps.started(gateway_of, nobody), controller.broke)
        answering = UntilLeft(
            JsonFromPages(whole_app, apps.refusal),
            lambda asgi: (
                asgi["type"] == "http"
                and http_scope(asgi["method"], asgi["path"], apps) is Scope.INFERENCE
            ),
        )
        whole = traces.around_http(
            BoundedBodies(answering, settings, leased.held, apps.refusal, is_probe)
        )
        cut = CutRequests(_http_door(whole, settings, keys, apps), apps.refusal)
        door = NumberedHttp(cut, apps, log)
        http_server = HttpServer(door, settings, leased.held, websockets=apps.has_websocket)
        listening = http_socket(settings.host, settings.http_port, "GREENROOM_HTTP_PORT")
        # The last that may fail: one that nobody stops complains when the loop has ended.
        grpc_server = await _grpc_server(settings, numbered)
        serving = asyncio.create_task(http_server.serve([listening]))
        watching = (
            asyncio.create_task(returning_memory(leased.held)),
            asyncio.create_task(messages.receiving.watch_connections(settings.grpc_port)),
        )
        try:
            yield
        finally:
            for task in watching:
                task.cancel()
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


async def _grpc_server(settings: Settings, handler: grpc.GenericRpcHandler) -> grpc.aio.Server:
    server = grpc.aio.server(
        options=(
            ("grpc.max_receive_message_length", settings.max_request_bytes),
            ("grpc.max_send_message_length", -1),
            # It knows no bound but max_receive_message_length: packed messages are unpacked here.
            ("grpc.per_message_decompression", 0),
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
