"""Tensors in numpy's terms, for who computes with them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from tritonclient.utils import (
    deserialize_bytes_tensor,
    np_to_triton_dtype,
    serialize_byte_tensor,
    triton_to_np_dtype,
)

from greenroom.errors import InvalidInput
from greenroom.triton.raw_tensors import RawTensor

Array = npt.NDArray[Any]
Tensors = Mapping[str, Array]


def raw_tensors(tensors: Tensors, batched: bool) -> dict[str, RawTensor]:
    """Of a `batched` model arrays lack the batch dimension; it is 1 on the way.

    Raises InvalidInput for an array of no type of Triton's.
    """
    found = {}
    for name, array in tensors.items():
        datatype = np_to_triton_dtype(array.dtype)
        if datatype is None:
            raise InvalidInput(f"Tensor {name} is of {array.dtype}; Triton has no such type.")
        raw = serialize_byte_tensor(array).item() if datatype == "BYTES" else array.tobytes()
        found[name] = RawTensor(datatype, (1, *array.shape) if batched else array.shape, raw)
    return found


def arrays(tensors: Mapping[str, RawTensor], batched: bool) -> dict[str, Array]:
    """Of a `batched` model without the batch dimension."""
    found = {}
    for name, tensor in tensors.items():
        if tensor.datatype == "BYTES":
            flat = deserialize_bytes_tensor(tensor.raw)
        else:
            flat = np.frombuffer(tensor.raw or b"", triton_to_np_dtype(tensor.datatype))
        found[name] = flat.reshape(tensor.shape[1:] if batched else tensor.shape)
    return found
