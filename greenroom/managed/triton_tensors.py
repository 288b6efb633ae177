"""Between Triton's tensors and an engine's: batch dimension, text, types."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

from greenroom.errors import InvalidInput
from greenroom.managed.engine import Array, Request, Tensors
from greenroom.residency.control import REPORT_OUTPUT


def request_tensors(request: Any) -> Request:
    """Without the batch dimension, bytes decoded to str."""
    tensors = Request(
        (tensor.name(), _unbatched(tensor.name(), _array(tensor))) for tensor in request.inputs()
    )
    named = frozenset(request.requested_output_names())
    # A request that names no output asks for all of them in Triton's eyes, the report too.
    if REPORT_OUTPUT not in named:
        tensors.outputs = named
    return tensors


def require(tensors: Tensors, names: Iterable[str]) -> None:
    """Raise InvalidInput naming the first required tensor that is absent.

    The optional control input makes every input optional to Triton, so nobody else checks.
    """
    for name in names:
        if name not in tensors:
            raise InvalidInput(f"input {name} is missing; the model needs it.")


def response_tensors(outputs: Tensors, types: Mapping[str, Any]) -> list[Any]:
    """With the batch dimension, in the configured types."""
    return [pb_utils.Tensor(name, _batched(array, types[name])) for name, array in outputs.items()]


def _array(tensor: Any) -> Array:
    array: Array = tensor.as_numpy()
    return array


def _unbatched(name: str, array: Array) -> Array:
    if array.shape[0] != 1:
        raise InvalidInput(
            f"input {name} has {array.shape[0]} rows; a request has exactly 1; send the others as "
            f"separate requests."
        )
    row = array[0]
    return _decoded(name, row) if array.dtype == np.object_ else row


def _decoded(name: str, row: Array) -> Array:
    try:
        words = [item.decode() for item in row.reshape(-1)]
    except UnicodeDecodeError as error:
        raise InvalidInput(f"input {name} is not valid UTF-8 at byte {error.start}.") from None
    return np.array(words, dtype=np.object_).reshape(row.shape)


def _batched(array: Array, kind: Any) -> Array:
    if kind == np.object_:
        encoded = [str(item).encode() for item in array.reshape(-1)]
        return np.array(encoded, dtype=np.object_).reshape((1, *array.shape))
    return np.ascontiguousarray(array, dtype=kind)[np.newaxis]
