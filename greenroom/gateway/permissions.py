"""Which scope a call needs.

What is not named here or by an app needs the admin scope, so a new call is closed until somebody
opens it.
"""

import re

from greenroom.gateway.api_keys import Scope
from greenroom.gateway.apps import Apps
from greenroom.triton.grpc_service import method_name

_MODEL = r"/v2/models/[^/]+(/versions/[^/]+)?"
_PROBES = r"(/healthz?|/readyz)/?|/v2/health/(live|ready)"
_OPEN_PATHS = re.compile(rf"{_PROBES}|{_MODEL}/ready")
"""Probes have no keys. They tell nothing but yes or no."""
_ASKING_PATHS = re.compile(
    rf"{_MODEL}/(infer|generate|generate_stream)|/residency/[^/]+/touch|/v2/repository/index"
)

_HEALTH_CALLS = re.compile(r"/grpc\.health\.v1\.")
_REFLECTION_CALLS = re.compile(r"/grpc\.reflection\.v1(alpha)?\.")
_OPEN_CALLS = frozenset({"ServerLive", "ServerReady", "ModelReady"})
_INFERENCE_CALLS = frozenset(
    {
        "CudaSharedMemoryStatus",
        "ModelConfig",
        "ModelInfer",
        "ModelMetadata",
        "ModelStatistics",
        "ModelStreamInfer",
        "RepositoryIndex",
        "ServerMetadata",
        "SystemSharedMemoryStatus",
    }
)


def is_probe(path: str) -> bool:
    """Tells whether the service lives, and needs no name to ask it by."""
    return re.fullmatch(_PROBES, path) is not None


def http_scope(method: str, path: str, apps: Apps) -> Scope | None:
    """By the method and the unquoted path; None: no key is needed."""
    if app := apps.of(path):
        return app.scope(method, path)
    reading = method in ("GET", "HEAD")
    if reading and _OPEN_PATHS.fullmatch(path):
        return None
    if reading or (method == "POST" and _ASKING_PATHS.fullmatch(path)):
        return Scope.INFERENCE
    return Scope.ADMIN


def grpc_scope(method: str) -> Scope | None:
    """By the full gRPC name; None: no key is needed."""
    if _HEALTH_CALLS.match(method):
        return None
    if _REFLECTION_CALLS.match(method):
        return Scope.INFERENCE
    call = method_name(method)
    if call in _OPEN_CALLS:
        return None
    return Scope.INFERENCE if call in _INFERENCE_CALLS else Scope.ADMIN
