"""Several gRPC services behind one door."""

from typing import Any

import grpc

from greenroom.errors import QueueFull
from greenroom.gateway.grpc_messages import GrpcMessages
from greenroom.gateway.held_bytes import size_of_fields
from greenroom.gateway.kserve_grpc import abort
from greenroom.gateway.permissions import grpc_scope
from greenroom.grpc_types import Context, Handler


class GrpcServices(grpc.GenericRpcHandler):
    """The first that knows a call answers it; its metadata count as held until it has ended."""

    def __init__(self, messages: GrpcMessages, *services: grpc.GenericRpcHandler) -> None:
        self._messages = messages
        self._services = services

    def service(self, details: grpc.HandlerCallDetails) -> Handler | None:
        """None if none of them does."""
        for one in self._services:
            handler: Handler | None = one.service(details)
            if handler is not None:
                return self._counted(handler, details)
        return None

    def _counted(self, handler: Handler, details: grpc.HandlerCallDetails) -> Handler:
        answer: Any = handler.stream_stream
        is_probe = grpc_scope(details.method) is None  # of these there are few at one time
        size = 0 if is_probe else size_of_fields(details.invocation_metadata or ())
        calling, held = self._messages.receiving.calling, self._messages.held

        async def counted(requests: object, context: Context) -> None:
            with calling(context.peer(), is_probe=is_probe), held.hold() as hold:
                try:
                    hold.add(size)
                except QueueFull as full:
                    await abort(context, full)
                await answer(requests, context)

        return grpc.stream_stream_rpc_method_handler(counted)
