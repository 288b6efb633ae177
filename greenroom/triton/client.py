"""Triton as the controller sees it: repository API, control requests, and whether it is there.

Everything goes over gRPC: a load through Triton's HTTP stalls its other HTTP requests.
"""

import asyncio
import json
import struct
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
from pydantic import ValidationError
from tritonclient.grpc import model_config_pb2, service_pb2_grpc
from tritonclient.grpc import service_pb2 as pb

from greenroom import boot_clock
from greenroom.errors import GreenroomError, KeyRefused, ServerDown, TritonError, UnknownModel
from greenroom.residency.control import REPORT_OUTPUT, RESIDENCY_INPUT, Report, control
from greenroom.residency.states import Residency
from greenroom.triton.key import GRPC_METADATA
from greenroom.triton.messages import (
    dead_backend,
    is_broken_connection,
    is_not_in_repository,
    is_restricted,
)

_READY_TIMEOUT = 5.0
_SHOWN_BROKEN = 1.0
"""Seconds: gRPC ends the calls of a connection that breaks, and says later that it has broken."""
_BROKEN_CONNECTION = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNKNOWN)
"""How gRPC calls the end of a connection, before and in the middle of a call."""
_READY_INTERVAL = 0.1
_POLL_INTERVAL = 0.02
_READ_AS = {
    "READY": Residency.HOT,
    "LOADING": Residency.LOADING,
    "UNLOADING": Residency.UNLOADING,
}
_MOVING = ("LOADING", "UNLOADING")
_RECONNECT_MS = 100
_RECONNECT_MOST_MS = 1000

CHANNEL_OPTIONS = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", _RECONNECT_MS),
    ("grpc.min_reconnect_backoff_ms", _RECONNECT_MS),
    ("grpc.max_reconnect_backoff_ms", _RECONNECT_MOST_MS),
    ("grpc.client_idle_timeout_ms", 2**31 - 1),
    # Triton is this machine's or the next container's: http_proxy leads away from it.
    ("grpc.enable_http_proxy", 0),
)


class KeyedChannel:
    """A channel to Triton whose every call carries the key; none can be forgotten."""

    def __init__(self, channel: grpc.aio.Channel, key: str) -> None:
        self._channel = channel
        self._key = (GRPC_METADATA, key)

    def unary_unary(self, *arguments: Any, **options: Any) -> Callable[..., Any]:
        return self._keyed(self._channel.unary_unary(*arguments, **options))

    def stream_stream(self, *arguments: Any, **options: Any) -> Callable[..., Any]:
        return self._keyed(self._channel.stream_stream(*arguments, **options))

    def _keyed(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def keyed(*requests: Any, metadata: Sequence[Any] = (), **options: Any) -> Any:
            return call(*requests, metadata=(*metadata, self._key), **options)

        return keyed


class Triton:
    """One connection to Triton's gRPC endpoint."""

    def __init__(self, address: str, key: str) -> None:
        self._address = address
        self._connection = grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS)
        self.channel = KeyedChannel(self._connection, key)
        self._stub = service_pb2_grpc.GRPCInferenceServiceStub(self.channel)

    async def close(self) -> None:
        """Close the connection; calls that run on it fail."""
        await self._connection.close()

    @property
    def connected(self) -> bool:
        """The connection stands; a call may still fail."""
        return self._connection.get_state(try_to_connect=True) is grpc.ChannelConnectivity.READY

    async def ready(self) -> None:
        """Waits for ever."""
        while True:
            try:
                answer = await self._stub.ServerReady(
                    pb.ServerReadyRequest(), timeout=_READY_TIMEOUT, wait_for_ready=True
                )
                if answer.ready:
                    return
            except grpc.aio.AioRpcError:
                pass
            await asyncio.sleep(_READY_INTERVAL)

    async def alive(self) -> bool:
        """The connection stands, tried by a call; if not, `lost` returns as well."""
        try:
            await self._stub.ServerLive(pb.ServerLiveRequest(), timeout=_READY_TIMEOUT)
        except grpc.aio.AioRpcError:
            try:
                await asyncio.wait_for(self.lost(), _SHOWN_BROKEN)
            except TimeoutError:
                return True
            return False
        return True

    async def lost(self) -> None:
        """Returns when the connection that `ready` found has broken, even if there is a new one."""
        if self.connected:
            await self._connection.wait_for_state_change(grpc.ChannelConnectivity.READY)

    async def version(self) -> str:
        """Of the server, such as 2.64.0."""
        async with self._errors():
            answer = await self._stub.ServerMetadata(pb.ServerMetadataRequest())
        return str(answer.version)

    async def load(self, model: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Load a model; returns after its initialize. Parameters: Triton's load overrides.

        Raises UnknownModel when Triton does not find it or cannot read its config.
        """
        request = pb.RepositoryModelLoadRequest(model_name=model, parameters=parameters)
        try:
            async with self._errors():
                await self._stub.RepositoryModelLoad(request)
        except TritonError as error:
            if not is_not_in_repository(str(error)):
                raise
            raise UnknownModel(
                f"Model {model!r} cannot be read from the model repositories: its folder is "
                "missing or its config.pbtxt is wrong; Triton's log says more."
            ) from error

    async def config(self, model: str) -> model_config_pb2.ModelConfig:
        """As Triton has it, completed; the model must be loaded."""
        async with self._errors():
            answer = await self._stub.ModelConfig(pb.ModelConfigRequest(name=model))
        return answer.config

    async def unload(self, model: str) -> None:
        """Unload a model; returns when its process is gone and with it all its memory."""
        await self.begin_unload(model)
        await self.settled(model)

    async def begin_unload(self, model: str) -> None:
        """Begin to unload a model.

        When one of its requests has failed with its process, this never ends; the model can be
        loaded all the same.
        """
        request = pb.RepositoryModelUnloadRequest(model_name=model)
        async with self._errors():
            await self._stub.RepositoryModelUnload(request)

    async def unload_all(self) -> None:
        """Returns when nothing is loaded any more; what is being loaded is waited for."""
        await asyncio.gather(*map(self.begin_unload, await self.states()))
        while True:
            if not await self.states():
                return
            await asyncio.sleep(_POLL_INTERVAL)

    async def settled(self, model: str) -> None:
        """Returns when the model is neither loading nor unloading."""
        while True:
            entries = (await self.index()).models
            if not any(entry.name == model and entry.state in _MOVING for entry in entries):
                return
            await asyncio.sleep(_POLL_INTERVAL)

    async def states(self) -> dict[str, Residency]:
        """Where the models are that Triton has: hot if a version is ready.

        It does not tell hot from warm; that the model's report does.
        """
        entries = (await self.index()).models
        found = dict(
            sorted(((e.name, e.state) for e in entries), key=lambda one: one[1] == "READY")
        )
        return {name: _READ_AS[state] for name, state in found.items() if state in _READ_AS}

    async def index(self, only_ready: bool = False) -> pb.RepositoryIndexResponse:
        async with self._errors():
            return await self._stub.RepositoryIndex(pb.RepositoryIndexRequest(ready=only_ready))

    async def control(self, model: str, action: str, valid: float) -> Report:
        """Send a control request and return the model's report.

        It waits in the model's queue like any request; run after `valid` seconds, the model
        ignores it. When it could not do it, the report's error says why.
        """
        text = json.dumps(control(action, boot_clock.now() + valid, boot_clock.boot())).encode()
        request = pb.ModelInferRequest(model_name=model)
        tensor = request.inputs.add(name=RESIDENCY_INPUT, datatype="BYTES")
        tensor.shape.extend((1, 1))
        request.raw_input_contents.append(struct.pack("<I", len(text)) + text)
        request.outputs.add(name=REPORT_OUTPUT)
        async with self._errors():
            answer = await self._stub.ModelInfer(request)
        try:
            return Report.model_validate_json(answer.raw_output_contents[0][4:])
        except (IndexError, ValidationError) as error:
            raise GreenroomError(f"Model {model} answered {action} without a report.") from error

    @asynccontextmanager
    async def _errors(self) -> AsyncIterator[None]:
        try:
            yield
        except grpc.aio.AioRpcError as error:
            raise await self.translated(error) from error

    async def translated(self, error: grpc.aio.AioRpcError) -> GreenroomError:
        """Triton's own error, or ServerDown if it was the connection that failed.

        Of a model's dead process it tells as BackendDied.
        gRPC has not always a sure sign of the one or the other, so a doubtful one is settled by a
        look; by then another Triton may answer.
        """
        message = error.details() or ""
        if error.code() in _BROKEN_CONNECTION and (
            is_broken_connection(message) or not await self.alive()
        ):
            return ServerDown("Triton does not answer.")
        if is_restricted(message):
            return KeyRefused(self._address)
        return dead_backend(message) or TritonError(message, error.code().name)
