"""One request to one model, as protobuf messages."""

from collections.abc import Iterable

import grpc
from tritonclient.grpc import service_pb2 as pb

from greenroom.triton.client import Triton
from greenroom.triton.grpc_service import method_path
from greenroom.triton.raw_tensors import InferRequest


class ModelCalls:
    """Calls models; whoever calls holds their lease."""

    def __init__(self, triton: Triton) -> None:
        self._triton = triton
        self._infer = triton.channel.unary_unary(
            method_path("ModelInfer"),
            request_serializer=InferRequest.encoded,
            response_deserializer=pb.ModelInferResponse.FromString,
        )

    async def infer(
        self, request: InferRequest, metadata: Iterable[tuple[str, str | bytes]] = ()
    ) -> pb.ModelInferResponse:
        """Raises what Triton says as TritonError, BackendDied or ServerDown."""
        try:
            return await self._infer(request, metadata=tuple(metadata))
        except grpc.aio.AioRpcError as error:
            raise await self._triton.translated(error) from error
