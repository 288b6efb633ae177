"""Passes gRPC calls of a replica on to its own Greenroom, with their metadata and their status."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc import service_pb2_grpc

SERVICE = "GRPCInferenceService"
STREAM = "ModelStreamInfer"
_OF_THE_CONNECTION = ("grpc-", "application", "content-type", "request_id", "te", "user-agent")
"""Metadata that belong to a connection or to Ray, not to the call."""
_UNLIMITED = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))

METHODS: tuple[str, ...] = tuple(
    method.name for method in pb.DESCRIPTOR.services_by_name[SERVICE].methods
)


class GrpcDoor:
    """One gateway, over one channel."""

    def __init__(self, target: str) -> None:
        channel = grpc.aio.insecure_channel(target, _UNLIMITED)
        self._stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)

    async def call(self, method: str, request: Any, context: Any) -> Any:
        """The answer; the status of one that failed stands in the context as it came."""
        try:
            return await getattr(self._stub, method)(
                request, metadata=_metadata(context), wait_for_ready=True
            )
        except grpc.aio.AioRpcError as error:
            raise _told(error, context) from None

    async def stream(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        """Responses as they come; a client that leaves ends the call."""
        call = self._stub.ModelStreamInfer(requests, metadata=_metadata(context))
        try:
            async for response in call:
                yield response
        except grpc.aio.AioRpcError as error:
            raise _told(error, context) from None
        finally:
            call.cancel()


class CallFailed(Exception):
    """The gateway refused; its status is in the call's context, from which Ray takes it."""


def with_calls(cls: type) -> type:
    """Give a deployment a method for each call of KServe's service; it has `grpc_door`."""
    for name in METHODS:
        setattr(cls, name, _streaming() if name == STREAM else _unary(name))
    return cls


def _unary(name: str) -> Callable[..., Any]:
    async def call(self: Any, request: Any, grpc_context: Any) -> Any:
        await self.admitted()
        with self.counted_message(request):
            return await self.grpc_door.call(name, request, grpc_context)

    call.__name__ = name
    return call


def _streaming() -> Callable[..., Any]:
    async def call(self: Any, request_stream: Any, grpc_context: Any) -> AsyncIterator[Any]:
        await self.admitted()
        async for response in self.grpc_door.stream(request_stream, grpc_context):
            yield response

    call.__name__ = STREAM
    return call


def _metadata(context: Any) -> list[tuple[str, Any]]:
    given = context.invocation_metadata()
    return [(key, value) for key, value in given if not key.startswith(_OF_THE_CONNECTION)]


def _told(error: grpc.aio.AioRpcError, context: Any) -> CallFailed:
    context.set_code(error.code())
    context.set_details(error.details() or "")
    if trailing := error.trailing_metadata():
        context.set_trailing_metadata(list(trailing))
    return CallFailed(error.details())
