"""Requests and answers of Triton's generate extension as messages: a tensor is a field of JSON."""

import json
from math import prod
from typing import Any

from tritonclient.grpc import service_pb2 as pb

from greenroom.errors import InvalidInput
from greenroom.gateway.infer_json import json_values, raw_values
from greenroom.gateway.json_head import unpacked_body
from greenroom.triton.model_metadata import datatype
from greenroom.triton.raw_tensors import InferRequest
from greenroom.triton.repository import ModelSpec


def read_generate(spec: ModelSpec, version: str, body: bytes, encoding: str | None) -> InferRequest:
    """Fields that are no tensors become parameters. Raises InvalidInput."""
    fields = json.loads(unpacked_body(body, encoding))
    tensors = {one.name: one for one in spec.config.input}
    request = pb.ModelInferRequest(model_name=spec.name, model_version=version)
    raws: list[bytes] = []
    request.id = str(fields.pop("id", ""))
    fields.pop("parameters", None)  # as Triton does
    for name, value in fields.items():
        if name in tensors:
            raws.append(_add_tensor(request, spec, tensors[name], value))
        else:
            _set_parameter(request, name, value)
    return InferRequest(request, raws)


def write_generate(response: pb.ModelInferResponse) -> bytes:
    """Raises InvalidInput for a tensor that JSON cannot have."""
    answer: dict[str, Any] = {}
    for tensor, raw in zip(response.outputs, response.raw_output_contents, strict=True):
        values = json_values(tensor.name, tensor.datatype, raw)
        answer[tensor.name] = values[0] if len(values) == 1 else values
    if response.id:
        answer["id"] = response.id
    answer["model_name"] = response.model_name
    answer["model_version"] = response.model_version
    return json.dumps(answer, separators=(",", ":")).encode()


def _add_tensor(request: pb.ModelInferRequest, spec: ModelSpec, config: Any, value: Any) -> bytes:
    """Describe an input, and return its bytes."""
    values = value if isinstance(value, list) else [value]
    if any(isinstance(one, list | dict) for one in values):
        raise InvalidInput(f"Input {config.name!r} must be a value or an array of values.")
    kind = datatype(config.data_type)
    shape = _shape(config.dims, len(values))
    if spec.batched:
        shape = [len(values) // max(1, prod(shape)), *shape] if values else [1, *shape]
    if prod(shape) != len(values):
        raise InvalidInput(
            f"Input {config.name!r} has {len(values)} values; they do not fill {list(config.dims)}."
        )
    request.inputs.add(name=config.name, datatype=kind, shape=shape)
    return raw_values(config.name, kind, values)


def _shape(dims: Any, values: int) -> list[int]:
    """The last open dimension takes what the others leave."""
    shape = [max(1, one) for one in dims]
    is_open = [place for place, one in enumerate(dims) if one < 0]
    if is_open:
        shape[is_open[-1]] = values // prod(shape)
    return shape


def _set_parameter(request: pb.ModelInferRequest, name: str, value: Any) -> None:
    match value:
        case bool():
            request.parameters[name].bool_param = value
        case int() if abs(value) < 2**63:
            request.parameters[name].int64_param = value
        case str():
            request.parameters[name].string_param = value
        case _:
            raise InvalidInput(f"Field {name!r} must be an integer, a boolean or a string.")
