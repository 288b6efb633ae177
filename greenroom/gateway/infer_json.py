"""Infer requests and answers of Triton's HTTP as messages, for what the gateway walks itself.

A request has been checked: its shapes, sizes and numbers of values fit together.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from tritonclient.grpc import service_pb2 as pb

from greenroom.errors import InvalidInput
from greenroom.gateway.json_head import numbers_apart, unpacked_body
from greenroom.triton.http_client import HEADER_LENGTH
from greenroom.triton.raw_tensors import NUMBERS, InferRequest, bytes_elements, elements_of_bytes

_SIZE = "binary_data_size"
_OF_HTTP = frozenset({_SIZE, "binary_data", "binary_data_output"})
"""Parameters that say how tensors travel."""
_NO_BRACKETS = bytes.maketrans(b"[]", b"  ")
_PART = 2**16
_SPARE_BYTES = 10 * 2**20
"""What numbers may always become. On its way to Triton a tensor is held up to five times (as an
array, in the request and a step's request, on the wire, in gRPC's own buffers), its text twice;
together that shall be at most four times the text and 64 MB."""
_READ_AS = {"f": "iuf", "i": "iu", "u": "iu", "b": "b"}
"""numpy's kinds of arrays of JSON that a datatype's kind can be."""
_NOT_IN_JSON = frozenset({"FP16", "BF16"})


@dataclass(frozen=True)
class HttpInfer:
    """An infer request, and which outputs are to come after the JSON of its answer."""

    request: InferRequest
    all_binary: bool
    binary: Mapping[str, bool]

    def is_binary(self, output: str) -> bool:
        return self.binary.get(output, self.all_binary)


def read_infer(
    model: str, version: str, body: bytes, header_length: str | None, encoding: str | None
) -> HttpInfer:
    """Raises InvalidInput for values that are none of their datatype."""
    body = unpacked_body(body, encoding)
    at = len(body) if header_length is None else int(header_length)
    text, arrays = numbers_apart(body[:at])
    asked = json.loads(text)
    _check_growth(asked, arrays)
    request = pb.ModelInferRequest(model_name=model, model_version=version, id=asked.get("id", ""))
    raws: list[bytes | memoryview] = []
    _set(request.parameters, asked)
    for tensor in asked.get("inputs", ()):
        described = request.inputs.add(
            name=tensor["name"], datatype=tensor["datatype"], shape=tensor["shape"]
        )
        _set(described.parameters, tensor)
        size = tensor.get("parameters", {}).get(_SIZE)
        if size is not None:
            raws.append(memoryview(body)[at : at + size])
            at += size
        elif "shared_memory_region" not in described.parameters:
            raws.append(_raw(tensor, arrays))
    binary = {}
    for output in asked.get("outputs", ()):
        _set(request.outputs.add(name=output["name"]).parameters, output)
        given = output.get("parameters", {})
        if "binary_data" in given:
            binary[output["name"]] = given["binary_data"] is True
    all_binary = asked.get("parameters", {}).get("binary_data_output") is True
    return HttpInfer(InferRequest(request, raws), all_binary, binary)


def write_infer(asked: HttpInfer, response: pb.ModelInferResponse) -> tuple[bytes, dict[str, str]]:
    """The body of an answer and its headers. Raises InvalidInput for what JSON cannot have."""
    outputs, after = [], []
    raws = iter(response.raw_output_contents)
    for tensor in response.outputs:
        shown: dict[str, Any] = {
            "name": tensor.name,
            "datatype": tensor.datatype,
            "shape": list(tensor.shape),
        }
        outputs.append(shown)
        if "shared_memory_region" in tensor.parameters:
            continue
        raw = next(raws)
        if asked.is_binary(tensor.name):
            shown["parameters"] = {_SIZE: len(raw)}
            after.append(raw)
        else:
            shown["data"] = json_values(tensor.name, tensor.datatype, raw)
    head = {"model_name": response.model_name, "model_version": response.model_version}
    if response.id:
        head["id"] = response.id
    text = json.dumps({**head, "outputs": outputs}, separators=(",", ":")).encode()
    if not after:
        return text, {"content-type": "application/json"}
    headers = {"content-type": "application/octet-stream", HEADER_LENGTH: str(len(text))}
    return b"".join((text, *after)), headers


def json_values(name: str, datatype: str, raw: bytes) -> list[Any]:
    """A tensor's values one after another. Raises InvalidInput for what JSON cannot have."""
    if datatype == "BYTES":
        return [value.decode(errors="replace") for value in elements_of_bytes(raw)]
    if datatype in _NOT_IN_JSON:
        raise InvalidInput(
            f"Output {name!r} is {datatype}, which JSON cannot hold; ask for binary data."
        )
    return list(np.frombuffer(raw, NUMBERS[datatype]).tolist())


def raw_values(name: str, datatype: str, values: list[Any]) -> bytes:
    """Of strings, or of numbers of any nesting. Raises InvalidInput."""
    if datatype == "BYTES":
        flat = list(_flat(values))
        if not all(isinstance(value, str) for value in flat):
            raise InvalidInput(f"Input {name!r}: data of BYTES must be strings.")
        return bytes_elements(value.encode(errors="replace") for value in flat)
    return _numbers(name, datatype, json.dumps(list(_flat(values))).encode())


def _check_growth(asked: Mapping[str, Any], arrays: list[bytes]) -> None:
    """Raises InvalidInput where short numbers, such as ``0,``, would become large tensors."""
    becomes = {
        tensor["name"]: (arrays[data].count(b",") + 1) * np.dtype(NUMBERS[datatype]).itemsize
        for tensor in asked.get("inputs", ())
        if isinstance(data := tensor.get("data"), int)
        and (datatype := tensor["datatype"]) in NUMBERS
    }
    allowed = _SPARE_BYTES + 2 * sum(map(len, arrays)) // 5
    if sum(becomes.values()) > allowed:
        largest = max(becomes, key=lambda name: becomes[name])
        raise InvalidInput(
            f"Input {largest!r}: its numbers are {becomes[largest]} bytes as a tensor; JSON of "
            f"this length may become {allowed}. Send it as binary data."
        )


def _raw(tensor: Mapping[str, Any], arrays: list[bytes]) -> bytes:
    name, datatype, data = tensor["name"], tensor["datatype"], tensor["data"]
    if isinstance(data, list):
        return raw_values(name, datatype, data)
    if datatype == "BYTES" and arrays[data].strip(b"[] \t\r\n"):
        raise InvalidInput(f"Input {name!r}: data of BYTES must be strings.")
    return _numbers(name, datatype, arrays[data])


def _numbers(name: str, datatype: str, array: bytes) -> bytes:
    """The bytes of a JSON array of numbers."""
    if datatype == "BYTES":
        return b""
    if datatype not in NUMBERS or datatype in _NOT_IN_JSON:
        raise InvalidInput(f"Input {name!r}: {datatype} cannot be sent as JSON; send it as binary.")
    kind = np.dtype(NUMBERS[datatype])
    raws = []
    for part in _parts(array):
        try:
            values = np.array(json.loads(b"[%s]" % part.translate(_NO_BRACKETS)))
        except ValueError:
            raise InvalidInput(f"Input {name!r}: data is not an array of {datatype}.") from None
        with np.errstate(over="ignore"):
            cast = values.astype(kind) if values.dtype.kind in _READ_AS[kind.kind] else None
        if values.size and (cast is None or (kind.kind in "iu" and (cast != values).any())):
            raise InvalidInput(f"Input {name!r}: data contains a value that is not {datatype}.")
        raws.append(b"" if cast is None else cast.tobytes())
    return b"".join(raws)


def _parts(text: bytes) -> Iterator[bytes]:
    """Parts between commas, so that only few numbers are objects at one time."""
    begin = 0
    while (end := text.find(b",", begin + _PART)) >= 0:
        yield text[begin:end]
        begin = end + 1
    yield text[begin:]


def _flat(values: list[Any]) -> Any:
    for value in values:
        if isinstance(value, list):
            yield from _flat(value)
        else:
            yield value


def _set(parameters: Any, of: Mapping[str, Any]) -> None:
    """Parameters of JSON as a message has them."""
    for key, value in of.get("parameters", {}).items():
        if key in _OF_HTTP:
            continue
        match value:
            case bool():
                parameters[key].bool_param = value
            case int():
                parameters[key].int64_param = value
            case float():
                parameters[key].double_param = value
            case str():
                parameters[key].string_param = value
            case _:
                raise InvalidInput(f"Parameter {key!r} must be a boolean, number or string.")
