"""Several gRPC services behind one door."""

import grpc

from greenroom.grpc_types import Handler


class GrpcServices(grpc.GenericRpcHandler):
    """The first that knows a call answers it."""

    def __init__(self, *services: grpc.GenericRpcHandler) -> None:
        self._services = services

    def service(self, details: grpc.HandlerCallDetails) -> Handler | None:
        """None if none of them does."""
        for one in self._services:
            handler: Handler | None = one.service(details)
            if handler is not None:
                return handler
        return None
