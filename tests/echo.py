"""Requests to the models of tests/models, for both protocols' unmodified clients."""

import numpy as np
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http

SAMPLES = np.arange(8, dtype=np.float32)[None]


def http_inputs(samples=SAMPLES, name="INPUT", binary=True):
    tensor = triton_http.InferInput(name, samples.shape, "FP32")
    tensor.set_data_from_numpy(samples, binary_data=binary)
    return [tensor]


def grpc_inputs(samples=SAMPLES, name="INPUT"):
    tensor = triton_grpc.InferInput(name, samples.shape, "FP32")
    tensor.set_data_from_numpy(samples)
    return [tensor]


def echoed(result, samples=SAMPLES, name="OUTPUT"):
    return np.array_equal(result.as_numpy(name), samples)
