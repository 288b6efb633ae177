"""What an infer request must be before Triton sees it: there it would end a process.

Measured on Triton 2.51: a shape whose bytes do not fit 63 bits ends the server or the model's
process, also where another dimension is 0; `classification` of a BYTES output divides by zero;
sequence parameters to a model that works in steps hang, and so does a batch of none to one that
batches; then the model cannot be unloaded.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from greenroom.errors import InvalidInput
from greenroom.gateway.control_guard import refuse_control
from greenroom.gateway.json_head import JsonHead, SkippedArray
from greenroom.triton.model_metadata import datatype
from greenroom.triton.raw_tensors import InferRequest
from greenroom.triton.repository import ModelSpec, Repository

_MOST_NAME_BYTES = 1024
_MOST_DIMENSIONS = 32
"""As numpy has it."""
_MOST_BYTES = 2**63 - 1
_MOST_OFFSET = 2**62
_LONGEST_SHOWN = 60
"""Characters of a client's value in a sentence."""
_SIZES = {
    "BOOL": 1, "UINT8": 1, "UINT16": 2, "UINT32": 4, "UINT64": 8, "INT8": 1, "INT16": 2,
    "INT32": 4, "INT64": 8, "FP16": 2, "BF16": 2, "FP32": 4, "FP64": 8,
}  # fmt: skip
_LENGTH = 4
"""Bytes before each element of a BYTES tensor."""
_CONTENTS = {
    "BOOL": "bool_contents", "UINT8": "uint_contents", "UINT16": "uint_contents",
    "UINT32": "uint_contents", "UINT64": "uint64_contents", "INT8": "int_contents",
    "INT16": "int_contents", "INT32": "int_contents", "INT64": "int64_contents",
    "FP32": "fp32_contents", "FP64": "fp64_contents", "BYTES": "bytes_contents",
}  # fmt: skip
_CLASSIFIED = frozenset(_SIZES) - {"BOOL", "FP16", "BF16"}
"""Datatypes of outputs that Triton can classify."""
_SEQUENCE = frozenset({"sequence_id", "sequence_start", "sequence_end"})
_REGION, _REGION_NUMBERS = (
    "shared_memory_region",
    ("shared_memory_byte_size", "shared_memory_offset"),
)


def check_message(asked: InferRequest, repository: Repository) -> None:
    """Check a request as gRPC has it. Raises InvalidInput, PermissionDenied."""
    request = asked.message
    refuse_control(tensor.name for tensor in request.inputs)
    check_length("model_name", request.model_name)
    check_length("id", request.id)
    _check_sequence(request.parameters, request.model_name, repository)
    for output in request.outputs:
        if output.parameters:
            numbers = {key: value.int64_param for key, value in output.parameters.items()}
            _check_output(output.name, numbers, request.model_name, repository)
    raw = iter(asked.raws)
    batches = _batches(request.model_name, repository)
    for tensor in request.inputs:
        elements = _elements(tensor.name, tensor.datatype, tensor.shape, batches)
        if tensor.parameters and _REGION in tensor.parameters:
            numbers = {key: value.int64_param for key, value in tensor.parameters.items()}
            _check_region(tensor.name, numbers)
        elif asked.raws:
            given = next(raw, None)
            if given is None:
                raise InvalidInput(f"{_input(tensor.name)} has no entry in raw_input_contents.")
            _check_bytes(tensor.name, tensor.datatype, tensor.shape, elements, len(given))
        elif field := _CONTENTS.get(tensor.datatype):
            _check_values(tensor.name, tensor.shape, elements, len(getattr(tensor.contents, field)))
    if next(raw, None) is not None:
        raise InvalidInput(
            f"Field raw_input_contents has {len(asked.raws)} entries; "
            "it must have one for each input."
        )


def check_json(head: JsonHead, model: str, repository: Repository) -> None:
    """Check a request as HTTP has it; its names have been looked at. Raises InvalidInput."""
    asked = head.json
    check_length("id", asked.get("id"))
    _check_sequence(_parameters(asked, "The request"), model, repository)
    for output in _objects(asked, "outputs"):
        name = f"Output {_short(output.get('name'))}"
        if parameters := _parameters(output, name):
            _check_output(output.get("name"), parameters, model, repository)
    binary, batches = 0, _batches(model, repository)
    for tensor in _objects(asked, "inputs"):
        binary += _check_tensor(tensor, batches)
    if binary != head.binary:
        raise InvalidInput(
            f"The inputs' binary_data_size add up to {binary} bytes; {head.binary} bytes follow "
            f"the JSON."
        )


def check_generate(head: JsonHead, model: str, repository: Repository) -> None:
    """Check a request of the generate extension, where a tensor is a field. Raises InvalidInput."""
    check_length("id", head.json.get("id"))
    _check_sequence(head.json, model, repository)
    _check_sequence(_parameters(head.json, "The request"), model, repository)


def _check_tensor(tensor: Mapping[str, Any], batches: bool) -> int:
    """Check one input and return how many bytes after the JSON are its."""
    name, datatype, shape = tensor.get("name"), tensor.get("datatype"), tensor.get("shape")
    parameters = _parameters(tensor, _input(name))
    if not isinstance(shape, list) or not all(type(dimension) is int for dimension in shape):
        raise InvalidInput(f"{_input(name)}: shape is not an array of whole numbers.")
    elements = _elements(name, datatype, shape, batches)
    if _REGION in parameters:
        _check_region(name, parameters)
        return 0
    size = parameters.get("binary_data_size")
    if size is None:
        _check_values(name, shape, elements, _values(tensor.get("data"), name))
        return 0
    if type(size) is not int:
        raise InvalidInput(
            f"{_input(name)}: binary_data_size is {_short(size)}; it must be a number."
        )
    _check_bytes(name, datatype, shape, elements, size)
    return size


def _elements(name: Any, datatype: Any, shape: Sequence[int], batches: bool) -> int:
    """Raises InvalidInput for a shape that cannot be."""
    if len(shape) > _MOST_DIMENSIONS:
        raise InvalidInput(
            f"{_input(name)}: shape has {len(shape)} dimensions; at most {_MOST_DIMENSIONS} are "
            f"allowed."
        )
    if batches and shape and not shape[0]:
        raise InvalidInput(
            f"{_input(name)}: shape is {_shown(shape)}; its first dimension, the batch, must be at "
            "least 1."
        )
    elements = held = 1
    for dimension in shape:
        if dimension < 0:
            raise InvalidInput(
                f"{_input(name)}: shape is {_shown(shape)}; no dimension may be negative."
            )
        elements *= dimension
        held *= dimension or 1
    if held * _size(datatype) > _MOST_BYTES:
        raise InvalidInput(
            f"{_input(name)}: shape is {_shown(shape)}; its dimensions times the bytes of an "
            "element must stay below 2**63."
        )
    return elements


def _size(datatype: Any) -> int:
    return _SIZES.get(datatype, _LENGTH) if isinstance(datatype, str) else _LENGTH


def _check_bytes(name: Any, datatype: Any, shape: Sequence[int], elements: int, given: int) -> None:
    """What no datatype is, Triton says; of BYTES it checks all lengths."""
    needed = elements * _size(datatype)
    if given < needed or (given > needed and datatype in _SIZES):
        least = "" if datatype in _SIZES else "at least "
        raise InvalidInput(
            f"{_input(name)}: shape {_shown(shape)} of {_short(datatype)} has "
            f"{least}{needed} bytes; the request has {given}."
        )


def _check_values(name: Any, shape: Sequence[int], elements: int, given: int) -> None:
    if given != elements:
        raise InvalidInput(
            f"{_input(name)}: shape {_shown(shape)} has {elements} elements; "
            f"the request has {given}."
        )


def _values(data: Any, name: Any) -> int:
    match data:
        case SkippedArray(values):
            return values
        case list():
            return _leaves(data)
    raise InvalidInput(f"{_input(name)}: data is missing or not an array.")


def _leaves(values: list[Any]) -> int:
    return sum(_leaves(value) if isinstance(value, list) else 1 for value in values)


def _check_output(
    name: Any, parameters: Mapping[str, Any], model: str, repository: Repository
) -> None:
    if _REGION in parameters:
        _check_region(name, parameters)
    if "classification" not in parameters:
        return
    spec = repository.models[model] if repository.has(model) else None
    outputs = (spec.known_config or spec.config).output if spec else ()
    if not any(one.name == name and datatype(one.data_type) in _CLASSIFIED for one in outputs):
        raise InvalidInput(
            f"Output {_short(name)}: classification is asked for, but it has no numbers "
            "that Triton can sort."
        )


def _check_region(name: Any, parameters: Mapping[str, Any]) -> None:
    for key in _REGION_NUMBERS:
        number = parameters.get(key, 0)
        if type(number) is not int or not 0 <= number <= _MOST_OFFSET:
            raise InvalidInput(
                f"Tensor {_short(name)}: {key} is {_short(number)}; it must be a number of bytes "
                "up to 2**62."
            )


def check_length(field: str, given: Any) -> None:
    """Raises InvalidInput for a name that has more bytes than are sent back."""
    if isinstance(given, str) and len(given.encode(errors="replace")) > _MOST_NAME_BYTES:
        raise InvalidInput(
            f"Field {field} has {len(given)} characters; at most {_MOST_NAME_BYTES} bytes are "
            "allowed."
        )


def _check_sequence(parameters: Iterable[str], model: str, repository: Repository) -> None:
    given = _SEQUENCE.intersection(parameters)
    if given and any(spec.works_in_steps for spec in _all_of(model, repository)):
        raise InvalidInput(
            f"Parameter {min(given)} is given; model {model!r} works in steps and "
            "takes no sequences."
        )


def _all_of(model: str, repository: Repository) -> Iterator[ModelSpec]:
    if repository.has(model):
        spec = repository.models[model]
        yield spec
        yield from (repository.models[step] for step in spec.steps)


def _batches(model: str, repository: Repository) -> bool:
    """As long as nobody knows a model's config, it may."""
    return any(spec.known_config is None or spec.batched for spec in _all_of(model, repository))


def _parameters(of: Mapping[str, Any], what: str) -> Mapping[str, Any]:
    parameters = of.get("parameters", {})
    if not isinstance(parameters, dict):
        raise InvalidInput(f"{what}: parameters must be a JSON object.")
    return parameters


def _objects(of: Mapping[str, Any], field: str) -> list[dict[str, Any]]:
    found = of.get(field, [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise InvalidInput(f"Field {field} must be an array of JSON objects.")
    return found


def _input(name: Any) -> str:
    return f"Input {_short(name)}"


def _shown(shape: Sequence[int]) -> str:
    return _short(list(shape))


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
