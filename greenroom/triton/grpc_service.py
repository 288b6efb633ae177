"""Triton's gRPC service: its name and the paths of its methods."""

from tritonclient.grpc import service_pb2

_SERVICE = service_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"]
SERVICE = str(_SERVICE.full_name)
METHODS = _SERVICE.methods_by_name
"""The methods' descriptors by name."""


def method_path(method: str) -> str:
    return f"/{SERVICE}/{method}"


def method_name(path: str) -> str | None:
    """None for a path that is not of this service."""
    service, _, method = path.removeprefix("/").partition("/")
    return method if service == SERVICE and method in METHODS else None
