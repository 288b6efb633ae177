"""Which scope every call of the gateway needs: a new route must be entered here."""

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Route
from tritonclient.grpc import service_pb2

from greenroom.gateway.api_keys import Scope
from greenroom.gateway.apps import Apps
from greenroom.gateway.kserve_http import KServeHttp
from greenroom.gateway.permissions import grpc_scope
from greenroom.gateway.permissions import http_scope as scope_of
from greenroom.gateway.residency_http import ResidencyHttp
from greenroom_speech.api.analyses import analyses_routes
from greenroom_speech.api.app import APP
from greenroom_speech.api.catalogue import catalogue_routes
from greenroom_speech.api.probes import probes_routes
from greenroom_speech.api.saved_voices import saved_voices_routes
from greenroom_speech.api.speech import speech_routes
from greenroom_speech.api.transcriptions import transcriptions_routes

OPEN, INFERENCE, ADMIN = None, Scope.INFERENCE, Scope.ADMIN

MODEL = {
    "": {"GET": INFERENCE},
    "/config": {"GET": INFERENCE},
    "/generate": {"POST": INFERENCE},
    "/generate_stream": {"POST": INFERENCE},
    "/infer": {"POST": INFERENCE},
    "/ready": {"GET": OPEN},
    "/stats": {"GET": INFERENCE},
}
BOTH = {"GET": INFERENCE, "POST": ADMIN}
SHARED_MEMORY = {
    f"{kind}{region}/{call}": BOTH
    for kind in ("/v2/systemsharedmemory", "/v2/cudasharedmemory")
    for region in ("", "/region/{region}")
    for call in ("status", "register", "unregister")
}
PATHS = {
    "/v1/audio/analyses": {"POST": INFERENCE},
    "/v1/audio/edits": {"POST": INFERENCE},
    "/v1/audio/speech": {"POST": INFERENCE},
    "/v1/audio/transcriptions": {"POST": INFERENCE},
    "/v1/audio/translations": {"POST": INFERENCE},
    "/v1/audio/models": {"GET": INFERENCE},
    "/v1/audio/voices": {"GET": INFERENCE},
    "/v1/models": {"GET": INFERENCE},
    "/v1/readyz": {"GET": OPEN},
    "/v1/models/{model:path}": {"GET": INFERENCE},
    "/v1/tags": {"GET": INFERENCE},
    "/v1/voices": {"GET": INFERENCE, "POST": INFERENCE},
    "/v1/voices/{name}": {"GET": INFERENCE, "PATCH": ADMIN, "DELETE": ADMIN},
    "/v1/voices/{name}/audio": {"GET": INFERENCE},
    "/v1/voices/{name}/preview": {"GET": INFERENCE},
    **{
        path + end: {"GET": OPEN}
        for path in ("/health", "/healthz", "/readyz")
        for end in ("", "/")
    },
    "/metrics": {"GET": INFERENCE},
    "/residency": {"GET": INFERENCE},
    "/residency/events": {"GET": INFERENCE},
    "/residency/{model}": {"PATCH": ADMIN},
    "/residency/{model}/{verb}": {"POST": ADMIN},
    "/v2": {"GET": INFERENCE},
    "/v2/health/live": {"GET": OPEN},
    "/v2/health/ready": {"GET": OPEN},
    "/v2/logging": BOTH,
    "/v2/models/stats": {"GET": INFERENCE},
    "/v2/models/{model}/trace/setting": BOTH,
    "/v2/trace/setting": BOTH,
    "/v2/repository/index": {"POST": INFERENCE},
    "/v2/repository/models/{model}/load": {"POST": ADMIN},
    "/v2/repository/models/{model}/unload": {"POST": ADMIN},
    **SHARED_MEMORY,
    **{f"/v2/models/{{model}}{path}": needs for path, needs in MODEL.items()},
    **{f"/v2/models/{{model}}/versions/{{version}}{path}": needs for path, needs in MODEL.items()},
}
CALLS = {
    "ServerLive": OPEN,
    "ServerReady": OPEN,
    "ModelReady": OPEN,
    "ServerMetadata": INFERENCE,
    "ModelMetadata": INFERENCE,
    "ModelInfer": INFERENCE,
    "ModelStreamInfer": INFERENCE,
    "ModelConfig": INFERENCE,
    "ModelStatistics": INFERENCE,
    "RepositoryIndex": INFERENCE,
    "RepositoryModelLoad": ADMIN,
    "RepositoryModelUnload": ADMIN,
    "SystemSharedMemoryStatus": INFERENCE,
    "SystemSharedMemoryRegister": ADMIN,
    "SystemSharedMemoryUnregister": ADMIN,
    "CudaSharedMemoryStatus": INFERENCE,
    "CudaSharedMemoryRegister": ADMIN,
    "CudaSharedMemoryUnregister": ADMIN,
    "TraceSetting": ADMIN,
    "LogSettings": ADMIN,
}


STANDARD_CALLS = {
    "/grpc.health.v1.Health/Check": OPEN,
    "/grpc.health.v1.Health/Watch": OPEN,
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo": INFERENCE,
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": INFERENCE,
    "/grpc.channelz.v1.Channelz/GetServers": ADMIN,
}


def routes():
    kserve = KServeHttp(None, None, None, None, None, None, 1).routes()
    speech = (
        *speech_routes(None, None, None, None, None).routes,
        *transcriptions_routes(None, None).routes,
        *analyses_routes(None, 1).routes,
        *saved_voices_routes(None, None, 1, None).routes,
        *probes_routes(None).routes,
        *catalogue_routes(None, None, None, 30).routes,
    )
    found = [*kserve, *ResidencyHttp(None).routes(), *speech]
    assert all(isinstance(route, Route | APIRoute) for route in found)
    return found


def http_scope(method, path):
    return scope_of(method, path, Apps([APP]))


def filled(path):
    return (
        path.replace("{model}", "tts")
        .replace("{version}", "1")
        .replace("{region}", "r")
        .replace("{name}", "v")
    )


@pytest.mark.parametrize("route", routes(), ids=lambda route: route.path)
def test_every_route_needs_what_is_written_here(route):
    for method in route.methods - {"HEAD"}:
        path = filled(route.path).replace("{verb}", "load")
        assert http_scope(method, path) is PATHS[route.path][method], method


def test_touch_needs_less_than_the_other_verbs():
    assert http_scope("POST", "/residency/tts/touch") is INFERENCE
    assert http_scope("DELETE", "/residency/tts/touch") is ADMIN
    assert http_scope("POST", "/residency/tts/clear_cache") is ADMIN


@pytest.mark.parametrize(
    "path", ["/docs", "/v2/nothing", "/residency/tts/touch/load", "/v2/health/live/x"]
)
def test_what_nobody_has_opened_is_closed(path):
    assert http_scope("GET", path) is INFERENCE
    assert http_scope("POST", path) is ADMIN


def test_every_grpc_call_needs_what_is_written_here():
    service = service_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"]
    needed = {name: grpc_scope(f"/{service.full_name}/{name}") for name in service.methods_by_name}
    assert needed == CALLS
    assert grpc_scope("/other.Service/ServerLive") is ADMIN


@pytest.mark.parametrize("call", STANDARD_CALLS)
def test_the_standard_grpc_calls(call):
    assert grpc_scope(call) is STANDARD_CALLS[call]
