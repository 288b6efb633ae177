"""KServe v2 over gRPC: every call of Triton's service, its bytes passed on unread.

Only what needs a decision is parsed: infer (which model, no control input), the repository
calls (they go through the controller), and the questions about a model that may be cold.
"""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from tritonclient.grpc import service_pb2 as pb

from greenroom.controller.controller import Controller
from greenroom.errors import BROKEN, GreenroomError, QueueFull, as_details
from greenroom.gateway.asking import KEY
from greenroom.gateway.client_regions import ClientRegions
from greenroom.gateway.grpc_messages import GrpcMessages
from greenroom.gateway.grpc_parsing import parse, parse_infer
from greenroom.gateway.grpc_stream import Stream
from greenroom.gateway.lease import Leased
from greenroom.gateway.own_parts import without_own_config, without_own_metadata
from greenroom.gateway.permissions import grpc_scope
from greenroom.gateway.repository_api import RepositoryApi
from greenroom.gateway.request_checks import check_message
from greenroom.gateway.request_form import message_form
from greenroom.gateway.unloaded_metadata import spec_of, unloaded_config, unloaded_metadata
from greenroom.gateway.walks import Walks
from greenroom.grpc_types import Context, Handler
from greenroom.settings import Settings
from greenroom.triton.client import Triton
from greenroom.triton.grpc_service import METHODS, method_name, method_path
from greenroom.triton.key import RESTRICTED_PREFIX

Unary = Callable[[bytes, Context], Awaitable[bytes]]

_WITHOUT_MESSAGE = frozenset({"ServerLive", "ServerReady"})
"""Their messages have no fields, so nothing of them is read."""


class KServeGrpc(grpc.GenericRpcHandler):
    """Serves Triton's gRPC service in front of Triton."""

    def __init__(
        self,
        controller: Controller,
        triton: Triton,
        repository: RepositoryApi,
        leased: Leased,
        walks: Walks,
        messages: GrpcMessages,
        settings: Settings,
    ) -> None:
        self._controller = controller
        self._most_streams = settings.max_streams
        self._streams_of_key = max(1, int(settings.max_streams * settings.key_share))
        self._streams: Counter[str] = Counter()
        self._messages = messages
        self._triton = triton
        self._traces = controller.traces
        self._leased = leased
        self._walks = walks
        self._repository = repository
        self._regions = ClientRegions(settings.shared_memory)
        self._calls: dict[str, Any] = {}
        self._parsed: dict[str, Unary] = {
            "ModelInfer": self._infer,
            "ModelReady": self._model_ready,
            "ServerReady": self._server_ready,
            "ModelMetadata": self._metadata,
            "ModelConfig": self._config,
            "ModelStatistics": self._statistics,
            "RepositoryIndex": self._index,
            "RepositoryModelLoad": self._load,
            "RepositoryModelUnload": self._unload,
            "SystemSharedMemoryRegister": self._register_system,
            "CudaSharedMemoryRegister": self._register_cuda,
        }

    def service(self, details: grpc.HandlerCallDetails) -> Handler | None:
        """None for what is not Triton's service."""
        method = method_name(details.method)
        if method is None:
            return None
        if method == "ModelStreamInfer":
            return grpc.stream_stream_rpc_method_handler(self._stream)
        return grpc.stream_stream_rpc_method_handler(self._answering(method))

    def _answering(self, method: str) -> Callable[..., Awaitable[None]]:
        """Answer a unary call, which is a stream of one message: so its reading is ours.

        Our errors become gRPC statuses; another exception is logged, counted, told as INTERNAL.
        """
        handle = self._parsed.get(method) or self._passing(method)
        counts = method != "ModelInfer"  # its lease counts

        async def answer(requests: object, context: Context) -> None:
            async with told(self._controller, context, method):
                request = await self._request(method, context)
                with self._messages.held.hold(len(request) if counts else 0):
                    response = await handle(request, context)
                del request
                await self._messages.send(context, response)

        return answer

    async def _request(self, method: str, context: Context) -> bytes:
        """A call's message; of who brings no key as little as can be."""
        if method in _WITHOUT_MESSAGE:
            return b""
        if grpc_scope(method_path(method)) is None:
            return await self._messages.received_of_probe(context)
        return await self._messages.received(context)

    def _passing(self, method: str) -> Unary:
        kind = GetMessageClass(METHODS[method].input_type)

        async def handle(request: bytes, context: Context) -> bytes:
            parse(kind, request)  # Triton calls what it cannot parse an error of its own
            return await self._pass_on(method, request, context)

        return handle

    async def _pass_on(self, method: str, request: bytes, context: Context) -> bytes:
        call = self._calls.get(method)
        if call is None:
            call = self._calls[method] = self._triton.channel.unary_unary(method_path(method))
        try:
            answer: bytes = await call(request, metadata=self._metadata_of(context))
        except grpc.aio.AioRpcError as error:
            raise await self._triton.translated(error) from error
        return answer

    async def _infer(self, request: bytes, context: Context) -> bytes:
        parsed = parse_infer(request)
        check_message(parsed, self._controller.repository)
        model = parsed.message.model_name
        form = message_form(context, parsed.message, request)
        if self._walks.takes(model):
            walk = self._walks.of_request(parsed, lambda: self._metadata_of(context))
            piece = await self._walks.answer(walk, "grpc", len(request), form=form)
            return _bytes(self._walks.response(parsed.message, piece))
        return await self._leased.run(
            model,
            "grpc",
            len(request),
            lambda: self._pass_on("ModelInfer", request, context),
            form=form,
            until_left=True,
        )

    def _metadata_of(self, context: Context) -> tuple[tuple[str, Any], ...]:
        return tuple(self._traces.passed(_passed_metadata(context)))

    async def _stream(self, requests: AsyncIterator[bytes], context: Context) -> None:
        key = KEY.get()
        if full := self._no_stream(key):
            await abort(context, QueueFull(full))
        self._streams[key] += 1
        try:
            metadata, repository = _passed_metadata(context), self._controller.repository
            stream = Stream(
                self._triton,
                self._leased,
                self._walks,
                self._traces,
                self._messages,
                metadata,
                repository,
                self._controller.broke,
            )
            await stream.run(context)
        except* GreenroomError as slow:
            await abort(context, _first(slow))
        finally:
            self._streams[key] -= 1

    def _no_stream(self, key: str) -> str | None:
        """Why another stream cannot be opened."""
        most, share = self._most_streams, self._streams_of_key
        if (opened := self._streams.total()) >= most:
            return f"{opened} streams are open, as many as max_streams allows."
        if key and self._streams[key] >= share:
            return f"This API key has {share} streams open, its share of max_streams ({most})."
        return None

    async def _model_ready(self, request: bytes, context: Context) -> bytes:
        parsed = parse(pb.ModelReadyRequest, request)
        if spec_of(self._controller, parsed.name, parsed.version) is None:
            return await self._pass_on("ModelReady", request, context)
        ready = self._controller.why_not_serving(parsed.name) is None
        return _bytes(pb.ModelReadyResponse(ready=ready))

    async def _server_ready(self, request: bytes, context: Context) -> bytes:
        return _bytes(pb.ServerReadyResponse(ready=self._controller.why_not_serving() is None))

    async def _metadata(self, request: bytes, context: Context) -> bytes:
        parsed = parse(pb.ModelMetadataRequest, request)
        try:
            answer = await self._pass_on("ModelMetadata", request, context)
        except GreenroomError:
            spec = spec_of(self._controller, parsed.name, parsed.version)
            if spec is None:
                raise
            return _bytes(await unloaded_metadata(self._controller, spec))
        return _bytes(without_own_metadata(pb.ModelMetadataResponse.FromString(answer)))

    async def _config(self, request: bytes, context: Context) -> bytes:
        parsed = parse(pb.ModelConfigRequest, request)
        try:
            answer = await self._pass_on("ModelConfig", request, context)
        except GreenroomError:
            spec = spec_of(self._controller, parsed.name, parsed.version)
            if spec is None:
                raise
            return _bytes(await unloaded_config(self._controller, spec))
        shown = pb.ModelConfigResponse.FromString(answer)
        without_own_config(shown.config)
        return _bytes(shown)

    async def _statistics(self, request: bytes, context: Context) -> bytes:
        parse(pb.ModelStatisticsRequest, request)
        answer = await self._pass_on("ModelStatistics", request, context)
        told = pb.ModelStatisticsResponse.FromString(answer)
        self._walks.statistics.fill(told)
        return _bytes(told)

    async def _index(self, request: bytes, context: Context) -> bytes:
        parsed = parse(pb.RepositoryIndexRequest, request)
        return _bytes(await self._repository.index(parsed.ready))

    async def _load(self, request: bytes, context: Context) -> bytes:
        parsed = parse(pb.RepositoryModelLoadRequest, request)
        await self._repository.load(parsed.model_name, parsed.parameters)
        return _bytes(pb.RepositoryModelLoadResponse())

    async def _unload(self, request: bytes, context: Context) -> bytes:
        parsed = parse(pb.RepositoryModelUnloadRequest, request)
        dependents = parsed.parameters["unload_dependents"].bool_param
        await self._repository.unload(parsed.model_name, dependents)
        return _bytes(pb.RepositoryModelUnloadResponse())

    async def _register_system(self, request: bytes, context: Context) -> bytes:
        parsed = parse(pb.SystemSharedMemoryRegisterRequest, request)
        self._regions.check_system(parsed.key, parsed.offset, parsed.byte_size)
        return await self._pass_on("SystemSharedMemoryRegister", request, context)

    async def _register_cuda(self, request: bytes, context: Context) -> bytes:
        parse(pb.CudaSharedMemoryRegisterRequest, request)
        self._regions.check_cuda()
        return await self._pass_on("CudaSharedMemoryRegister", request, context)


def _first(group: BaseExceptionGroup[GreenroomError]) -> GreenroomError:
    found = group.exceptions[0]
    return found if isinstance(found, GreenroomError) else _first(found)


@asynccontextmanager
async def told(controller: Controller, context: Context, method: str) -> AsyncIterator[None]:
    """Ends a call with the status of what goes wrong in it; a fault is logged and counted."""
    try:
        yield
    except GreenroomError as error:
        await abort(context, error)
    except grpc.aio.AbortError:
        raise
    except Exception:
        controller.broke(f"The gRPC call {method}")
        await abort(context, GreenroomError(BROKEN))


async def abort(context: Context, error: GreenroomError) -> None:
    """End the call with the error's code and sentence."""
    given = ((name.lower(), value) for name, value in error.headers.items())
    trailing = tuple(pair for pair in given if pair[0] != "connection")  # is HTTP/1's alone
    if trailing:  # they take the place of what was set before
        trailing = (*trailing, *(context.trailing_metadata() or ()))
    await context.abort(grpc.StatusCode[error.grpc_code], as_details(str(error)), trailing)


def _passed_metadata(context: Context) -> tuple[tuple[str, Any], ...]:
    """The client's own metadata: nothing of the transport, no keys."""
    return tuple(
        (key, value)
        for key, value in context.invocation_metadata() or ()
        if not key.startswith((":", "grpc-", RESTRICTED_PREFIX))
        and key not in ("authorization", "user-agent", "content-type", "te")
    )


def _bytes(message: Message) -> bytes:
    return message.SerializeToString()
