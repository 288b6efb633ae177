"""Requests to the speech models as an unmodified tritonclient sends them."""

import numpy as np
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http

DTYPES = {"SAMPLE_RATE": np.int32, "SEED": np.int64}


def inputs(module, **tensors):
    """Return the inputs of tritonclient.http or .grpc for keyword values without batch dimension.

    Texts become BYTES, lists of texts one tensor, arrays are taken as they are.
    """
    made = []
    for name, value in tensors.items():
        if isinstance(value, str):
            value = [value]
        if isinstance(value, list):
            array = np.array([[word.encode() for word in value]], dtype=object)
        elif isinstance(value, np.ndarray):
            array = value
        else:
            array = np.full((1, 1), value, DTYPES.get(name, np.float32))
        kind = {"O": "BYTES", "i": f"INT{array.itemsize * 8}", "f": f"FP{array.itemsize * 8}"}
        tensor = module.InferInput(name, array.shape, kind[array.dtype.kind])
        tensor.set_data_from_numpy(array)
        made.append(tensor)
    return made


def over_http(**tensors):
    return inputs(triton_http, **tensors)


def over_grpc(**tensors):
    return inputs(triton_grpc, **tensors)


def tone(seconds, rate=16000, pitch=120.0):
    """Return a buzz of so many seconds, shape [1, n]."""
    time = np.arange(int(seconds * rate)) / rate
    wave = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 12))
    return (0.2 * wave / np.abs(wave).max(initial=1e-9)).astype(np.float32)[None]
