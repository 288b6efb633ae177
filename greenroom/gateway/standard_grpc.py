"""The gRPC services that every server has beside its own: health and reflection.

``grpc.health.v1`` tells of the whole service and of each model whether a request would be served,
wherever the weights are. Reflection, by which tools such as grpcurl learn the services, is there
as ``v1`` and ``v1alpha``: the messages are the same.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
from google.protobuf import descriptor_pool, text_format
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2 as health
from grpc_reflection.v1alpha import reflection_pb2 as reflection
from grpc_reflection.v1alpha.reflection import ReflectionServicer

from greenroom.controller.controller import Controller
from greenroom.errors import InvalidInput, QueueFull, UnknownModel
from greenroom.gateway.grpc_messages import GrpcMessages
from greenroom.gateway.kserve_grpc import told
from greenroom.grpc_types import Context, Handler
from greenroom.triton.grpc_service import SERVICE

HEALTH = "grpc.health.v1.Health"
REFLECTION = "grpc.reflection.v1.ServerReflection"
_REFLECTION_BEFORE = "grpc.reflection.v1alpha.ServerReflection"

_WHOLE = ("", SERVICE)
"""Names of the whole service: gRPC clients that check by themselves ask for the one they use."""
_MOST_WATCHES = 64
_LOOK_SECONDS = 0.5

_Response = health.HealthCheckResponse


class StandardGrpc(grpc.GenericRpcHandler):
    """Serves both; `messages` bound what comes."""

    def __init__(self, controller: Controller, messages: GrpcMessages) -> None:
        self._controller = controller
        self._messages = messages
        self._watches = 0
        _describe_v1()
        self._reflection = ReflectionServicer((SERVICE, HEALTH, REFLECTION, _REFLECTION_BEFORE))
        self._methods: dict[str, Callable[[Context], AsyncIterator[bytes]]] = {
            f"/{HEALTH}/Check": self._check,
            f"/{HEALTH}/Watch": self._watch,
            f"/{REFLECTION}/ServerReflectionInfo": self._reflect,
            f"/{_REFLECTION_BEFORE}/ServerReflectionInfo": self._reflect,
        }

    def service(self, details: grpc.HandlerCallDetails) -> Handler | None:
        """None for another service's call."""
        answers = self._methods.get(details.method)
        if answers is None:
            return None

        async def handle(requests: object, context: Context) -> None:
            async with told(self._controller, context, details.method):
                async for answer in answers(context):
                    await self._messages.send(context, answer)

        return grpc.stream_stream_rpc_method_handler(handle)

    async def _check(self, context: Context) -> AsyncIterator[bytes]:
        name = await self._name(context)
        if (status := self._status(name)) == _Response.SERVICE_UNKNOWN:
            raise UnknownModel(
                f"Service {name[:100]!r} is unknown; it must be empty, {SERVICE} or a model's name."
            )
        yield _Response(status=status).SerializeToString()

    async def _watch(self, context: Context) -> AsyncIterator[bytes]:
        """The status now and whenever it has changed, until the service ends."""
        name, told = await self._name(context), None
        if self._watches >= _MOST_WATCHES:
            raise QueueFull(f"{self._watches} Watch calls are open, the most that are allowed.")
        self._watches += 1
        try:
            while True:
                ends = self._controller.closing
                if (status := self._status(name)) != told:
                    told = status
                    yield _Response(status=status).SerializeToString()
                if ends:
                    return
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            self._watches -= 1

    async def _reflect(self, context: Context) -> AsyncIterator[bytes]:
        async for message in self._messages.stream(context, lambda: 0.0):
            try:
                request = reflection.ServerReflectionRequest.FromString(message)
            except DecodeError:
                raise InvalidInput("The message is not a ServerReflectionRequest.") from None
            for answer in self._reflection.ServerReflectionInfo(iter((request,)), None):
                yield answer.SerializeToString()

    async def _name(self, context: Context) -> str:
        message = await self._messages.received_of_probe(context)
        try:
            return str(health.HealthCheckRequest.FromString(message).service)
        except DecodeError:
            raise InvalidInput("The request is not a HealthCheckRequest message.") from None

    def _status(self, name: str) -> Any:
        if name not in _WHOLE and not self._controller.knows(name):
            return _Response.SERVICE_UNKNOWN
        reason = self._controller.why_not_serving(None if name in _WHOLE else name)
        return _Response.SERVING if reason is None else _Response.NOT_SERVING


def _describe_v1() -> None:
    """Describe reflection's v1 as v1alpha is: the package has only that one."""
    before = FileDescriptorProto.FromString(reflection.DESCRIPTOR.serialized_pb)
    described = text_format.MessageToString(before).replace("v1alpha", "v1")
    file = text_format.Parse(described, FileDescriptorProto())
    descriptor_pool.Default().AddSerializedFile(file.SerializeToString())
