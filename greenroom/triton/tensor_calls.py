"""One request to one model, in numpy's terms."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import grpc
import numpy as np
import numpy.typing as npt
from tritonclient.grpc import service_pb2 as pb
from tritonclient.utils import (
    deserialize_bytes_tensor,
    np_to_triton_dtype,
    serialize_byte_tensor,
    triton_to_np_dtype,
)

from greenroom.errors import InvalidInput
from greenroom.triton.client import Triton
from greenroom.triton.grpc_service import method_path

Array = npt.NDArray[Any]
Tensors = Mapping[str, Array]


class TensorCalls:
    """Calls models; whoever calls holds their lease."""

    def __init__(self, triton: Triton) -> None:
        self._triton = triton
        self._infer = triton.channel.unary_unary(
            method_path("ModelInfer"),
            request_serializer=pb.ModelInferRequest.SerializeToString,
            response_deserializer=pb.ModelInferResponse.FromString,
        )

    async def infer(
        self, model: str, inputs: Tensors, *, batched: bool, metadata: Iterable[tuple[str, str]]
    ) -> dict[str, Array]:
        """Of a `batched` model neither side has the batch dimension; it is 1 on the way.

        Raises InvalidInput for a tensor of no type of Triton's, and what Triton says as
        TritonError, BackendDied or ServerDown.
        """
        request = await asyncio.to_thread(_request, model, inputs, batched)
        try:
            answer = await self._infer(request, metadata=tuple(metadata))
        except grpc.aio.AioRpcError as error:
            raise await self._triton.translated(error) from error
        return _outputs(answer, batched)


def _request(model: str, inputs: Tensors, batched: bool) -> pb.ModelInferRequest:
    request = pb.ModelInferRequest(model_name=model)
    for name, array in inputs.items():
        datatype = np_to_triton_dtype(array.dtype)
        if datatype is None:
            raise InvalidInput(f"Tensor {name} is of {array.dtype}; Triton has no such type.")
        shape = [1, *array.shape] if batched else array.shape
        request.inputs.add(name=name, datatype=datatype, shape=shape)
        raw = serialize_byte_tensor(array).item() if datatype == "BYTES" else array.tobytes()
        request.raw_input_contents.append(raw)
    return request


def _outputs(answer: pb.ModelInferResponse, batched: bool) -> dict[str, Array]:
    found = {}
    for described, raw in zip(answer.outputs, answer.raw_output_contents, strict=True):
        if described.datatype == "BYTES":
            flat = deserialize_bytes_tensor(raw)
        else:
            flat = np.frombuffer(raw, triton_to_np_dtype(described.datatype))
        shape = tuple(described.shape)
        found[described.name] = flat.reshape(shape[1:] if batched else shape)
    return found
