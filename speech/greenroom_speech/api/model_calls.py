"""One request to one model of Triton, in numpy's terms."""

import asyncio
from collections.abc import Mapping
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

from greenroom.tracing import Traces
from greenroom.triton.client import Triton

Array = npt.NDArray[Any]
Tensors = Mapping[str, Array]
_METHOD = "/inference.GRPCInferenceService/ModelInfer"


def text(*values: str) -> Array:
    """Return a STRING tensor of shape (n,)."""
    return np.array([value.encode() for value in values], dtype=np.object_)


def words(array: Array) -> str:
    """Return the one value of a STRING tensor."""
    return str(array.reshape(-1)[0].decode())


class ModelCalls:
    """Calls models; whoever calls holds their lease."""

    def __init__(self, triton: Triton, traces: Traces) -> None:
        self._triton = triton
        self._traces = traces
        self._infer = triton.channel.unary_unary(
            _METHOD,
            request_serializer=pb.ModelInferRequest.SerializeToString,
            response_deserializer=pb.ModelInferResponse.FromString,
        )

    async def call(self, model: str, inputs: Tensors) -> dict[str, Array]:
        """Return the outputs of one request; neither side has the batch dimension.

        Raises what Triton says, InvalidInput's sentence included, as TritonError.
        """
        request = await asyncio.to_thread(_request, model, inputs)
        try:
            answer = await self._infer(request, metadata=tuple(self._traces.passed(())))
        except grpc.aio.AioRpcError as error:
            raise await self._triton.translated(error) from error
        return _outputs(answer)


def _request(model: str, inputs: Tensors) -> pb.ModelInferRequest:
    request = pb.ModelInferRequest(model_name=model)
    for name, array in inputs.items():
        datatype = np_to_triton_dtype(array.dtype)
        request.inputs.add(name=name, datatype=datatype, shape=[1, *array.shape])
        raw = serialize_byte_tensor(array).item() if datatype == "BYTES" else array.tobytes()
        request.raw_input_contents.append(raw)
    return request


def _outputs(answer: pb.ModelInferResponse) -> dict[str, Array]:
    found = {}
    for described, raw in zip(answer.outputs, answer.raw_output_contents, strict=True):
        if described.datatype == "BYTES":
            flat = deserialize_bytes_tensor(raw)
        else:
            flat = np.frombuffer(raw, triton_to_np_dtype(described.datatype))
        found[described.name] = flat.reshape(tuple(described.shape)[1:])
    return found
