"""A stand-in for Triton's Python module: failures that no real server can be made to have."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np

RESCHEDULE = 2


class Tensor:
    def __init__(self, name, array):
        self._name, self._array = name, array

    def name(self):
        return self._name

    def as_numpy(self):
        return self._array


class TritonError(Exception):
    INVALID_ARG, INTERNAL, UNAVAILABLE, CANCELLED = (
        "INVALID_ARG",
        "INTERNAL",
        "UNAVAILABLE",
        "CANCELLED",
    )

    def __init__(self, message, code):
        super().__init__(message)
        self.code = code


class InferenceResponse:
    def __init__(self, tensors=(), error=None):
        self.tensors = {tensor.name(): tensor.as_numpy() for tensor in tensors}
        self.error = error


class Metric:
    def __init__(self):
        self._value = 0.0

    def value(self):
        return self._value

    def increment(self, by):
        self._value += by

    def observe(self, value):
        self._value += 1

    def set(self, value):
        self._value = value


class MetricFamily:
    COUNTER, GAUGE, HISTOGRAM = "counter", "gauge", "histogram"
    made: dict[str, Metric] = {}  # noqa: RUF012

    def __init__(self, name, description, kind):
        self._name = name

    def Metric(self, labels, buckets=None):  # noqa: N802
        name = ".".join((self._name, labels["state"])) if "state" in labels else self._name
        metric = MetricFamily.made[name] = Metric()
        return metric


def module(log: list[str]) -> ModuleType:
    made = ModuleType("triton_python_backend_utils")
    kinds = {"TYPE_FP32": np.float32, "TYPE_STRING": np.object_, "TYPE_INT32": np.int32}
    made.__dict__.update(
        Tensor=Tensor,
        TritonError=TritonError,
        InferenceResponse=InferenceResponse,
        MetricFamily=MetricFamily,
        Logger=SimpleNamespace(log_error=log.append),
        triton_string_to_numpy=kinds.__getitem__,
        TRITONSERVER_REQUEST_RELEASE_RESCHEDULE=RESCHEDULE,
    )
    return made


def install(monkeypatch, log: list[str]) -> None:
    """Let the managed layer import this instead of Triton's module, for one test."""
    monkeypatch.setitem(sys.modules, "triton_python_backend_utils", module(log))
    for name in ("cache_metrics", "triton_tensors", "managed_model", "step_metrics", "steps"):
        monkeypatch.delitem(sys.modules, f"greenroom.managed.{name}", raising=False)


def request(**values):
    """Return a request of one row; strings become BYTES."""
    tensors = []
    for name, value in values.items():
        if isinstance(value, str):
            value = np.array([[value.encode()]], dtype=np.object_)
        tensors.append(Tensor(name, np.asarray(value)))
    return SimpleNamespace(
        inputs=lambda: tensors, requested_output_names=list, is_cancelled=lambda: False
    )
