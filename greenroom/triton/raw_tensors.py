"""Tensors as they travel: a datatype, a shape, and bytes that nobody here looks into."""

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from tritonclient.grpc import service_pb2 as pb

CONTENTS = {
    "BOOL": "bool_contents", "UINT8": "uint_contents", "UINT16": "uint_contents",
    "UINT32": "uint_contents", "UINT64": "uint64_contents", "INT8": "int_contents",
    "INT16": "int_contents", "INT32": "int_contents", "INT64": "int64_contents",
    "FP32": "fp32_contents", "FP64": "fp64_contents", "BYTES": "bytes_contents",
}  # fmt: skip
"""The field of a message's `contents` by datatype."""
NUMBERS = {
    "BOOL": "?", "UINT8": "<u1", "UINT16": "<u2", "UINT32": "<u4", "UINT64": "<u8", "INT8": "<i1",
    "INT16": "<i2", "INT32": "<i4", "INT64": "<i8", "FP16": "<f2", "FP32": "<f4", "FP64": "<f8",
}  # fmt: skip
"""numpy's names of the datatypes of numbers."""
_REGION = "shared_memory_region"
_RAW_TAG = bytes([pb.ModelInferRequest.RAW_INPUT_CONTENTS_FIELD_NUMBER << 3 | 2])


@dataclass(frozen=True)
class RawTensor:
    """Shapes have the batch dimension where the model has one."""

    datatype: str
    shape: tuple[int, ...]
    raw: bytes | memoryview | None
    """None: it lies in shared memory, as the parameters say."""
    parameters: Mapping[str, pb.InferParameter] = field(default_factory=dict)


@dataclass(frozen=True)
class InferRequest:
    """A request whose raw tensors lie beside its message, which would hold copies of them."""

    message: pb.ModelInferRequest
    raws: Sequence[bytes | memoryview] = ()
    """What `raw_input_contents` would be."""

    @property
    def size(self) -> int:
        """In bytes."""
        return int(self.message.ByteSize()) + sum(map(len, self.raws))

    def encoded(self) -> bytes:
        """The whole message on the wire, in one copy."""
        parts: list[bytes | memoryview] = [self.message.SerializeToString()]
        for raw in self.raws:
            parts += _RAW_TAG + _varint(len(raw)), raw
        return b"".join(parts)


def given_tensors(request: InferRequest) -> dict[str, RawTensor]:
    """The inputs by name; the request has been checked."""
    raws, found = iter(request.raws), {}
    for tensor in request.message.inputs:
        raw: bytes | memoryview | None
        if _REGION in tensor.parameters:
            raw = None
        elif request.raws:
            raw = next(raws)
        else:
            raw = _from_contents(tensor)
        found[tensor.name] = RawTensor(
            tensor.datatype, tuple(tensor.shape), raw, dict(tensor.parameters)
        )
    return found


def answered_tensors(response: pb.ModelInferResponse) -> dict[str, RawTensor]:
    """The outputs by name."""
    raws, found = iter(response.raw_output_contents), {}
    for tensor in response.outputs:
        raw = None if _REGION in tensor.parameters else next(raws, None)
        found[tensor.name] = RawTensor(
            tensor.datatype, tuple(tensor.shape), raw, dict(tensor.parameters)
        )
    return found


def infer_request(model: str, version: str, tensors: Mapping[str, RawTensor]) -> InferRequest:
    request, raws = pb.ModelInferRequest(model_name=model, model_version=version), []
    for name, tensor in tensors.items():
        request.inputs.add(
            name=name,
            datatype=tensor.datatype,
            shape=tensor.shape,
            parameters=tensor.parameters,
        )
        if tensor.raw is not None:
            raws.append(tensor.raw)
    return InferRequest(request, raws)


def infer_response(
    model: str, version: str, identity: str, tensors: Mapping[str, RawTensor]
) -> pb.ModelInferResponse:
    response = pb.ModelInferResponse(model_name=model, model_version=version, id=identity)
    for name, tensor in tensors.items():
        response.outputs.add(
            name=name,
            datatype=tensor.datatype,
            shape=tensor.shape,
            parameters=tensor.parameters,
        )
        if tensor.raw is not None:
            response.raw_output_contents.append(bytes(tensor.raw))
    return response


def one_string(value: bytes) -> RawTensor:
    """A STRING tensor of shape [1], with the batch dimension."""
    return RawTensor("BYTES", (1, 1), bytes_elements((value,)))


def bytes_elements(values: Iterable[bytes]) -> bytes:
    """Elements of a BYTES tensor, each after its length."""
    return b"".join(struct.pack("<I", len(value)) + value for value in values)


def elements_of_bytes(raw: bytes | memoryview) -> list[bytes]:
    """What `bytes_elements` has joined."""
    found, at = [], 0
    while at < len(raw):
        (length,) = struct.unpack_from("<I", raw, at)
        found.append(bytes(raw[at + 4 : at + 4 + length]))
        at += 4 + length
    return found


def _varint(number: int) -> bytes:
    """A length in protobuf's encoding."""
    encoded = bytearray()
    while number > 127:
        encoded.append(number & 127 | 128)
        number >>= 7
    return bytes(encoded) + bytes([number])


def _from_contents(tensor: pb.ModelInferRequest.InferInputTensor) -> bytes:
    if tensor.datatype not in CONTENTS:
        return b""
    values = getattr(tensor.contents, CONTENTS[tensor.datatype])
    if tensor.datatype == "BYTES":
        return bytes_elements(values)
    return np.fromiter(values, NUMBERS[tensor.datatype], len(values)).tobytes()
