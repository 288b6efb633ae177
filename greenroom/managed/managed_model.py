"""The layer between Triton and an engine, shared by every managed model.

A model becomes managed by a ``model.py`` of a few lines::

    from greenroom.managed.managed_model import ManagedModel

    class TritonPythonModel(ManagedModel):
        required = ("TEXT",)

and a config.pbtxt with the optional input ``RESIDENCY`` (STRING [1]), the output
``RESIDENCY_REPORT`` (STRING [1]), every other input optional too, and
``parameters { key: "engine" value { string_value: "my_engine:MyEngine" } }``, where the module
``my_engine`` may lie beside model.py.
"""

import atexit
import gc
import json
import traceback
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, ClassVar

import numpy as np
import triton_python_backend_utils as pb_utils

from greenroom.errors import Cancelled, GreenroomError, OutOfMemory, as_details
from greenroom.managed.cache_metrics import CacheMetrics
from greenroom.managed.control_handler import ResidencyControl, error_code, parse_control
from greenroom.managed.counted import Counted
from greenroom.managed.counted_metrics import CountedMetrics
from greenroom.managed.engine import Tensors
from greenroom.managed.engine_choice import chosen_engine, parameters_of
from greenroom.managed.triton_tensors import request_tensors, require, response_tensors
from greenroom.managed.wanted import computing_for
from greenroom.residency.control import REPORT_OUTPUT, RESIDENCY_INPUT, coded
from greenroom.settings import ModelSettings

# By name: Triton fills its Python module only after this one has been imported.
_CODES = {
    "INVALID_ARGUMENT": "INVALID_ARG",
    "UNAVAILABLE": "UNAVAILABLE",
    "CANCELLED": "CANCELLED",
}


class ManagedModel:
    """Answers control and ordinary requests, all of them inside ``execute``.

    Triton never fails a deferred answer when the process dies, so there are no response
    senders and no threads.
    """

    required: ClassVar[Sequence[str]] = ()
    """Inputs that an ordinary request must carry."""
    settings: ClassVar[type[ModelSettings]] = ModelSettings
    """What the engine is made with, read from the environment."""

    def initialize(self, args: Mapping[str, str]) -> None:
        """Make and prime the engine; the load fails with the sentence of a SetupError."""
        # The process ends soonest if it looks for garbage only once more: with torch there is much.
        atexit.register(gc.disable)
        config = json.loads(args["model_config"])
        self._name = str(config["name"])
        self._types = {
            output["name"]: pb_utils.triton_string_to_numpy(output["data_type"])
            for output in config["output"]
        }
        try:
            self._settings = self.settings.configured(self._name, parameters_of(config))
            self._engine = chosen_engine(self._name, config, self._settings)
            self._residency = ResidencyControl(self._engine)
            self._engine.prime()
        except Exception as error:
            if (code := error_code(error)) is None:
                raise
            raise OutOfMemory(coded(code, str(error) or type(error).__name__)) from error
        cache = self._engine.cache
        counted: Counted | None = getattr(self._engine, "counted", None)
        self._metrics: list[CacheMetrics | CountedMetrics] = [
            *([CacheMetrics(self._name, cache)] if cache is not None else []),
            *([CountedMetrics(self._name, counted)] if counted is not None else []),
        ]

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """Answer each request, in order: a control acts between the ones around it."""
        responses: list[Any] = []
        for control, group in groupby(requests, key=is_control):
            if control:
                responses += [self._control(request) for request in group]
            else:
                responses += self._infer(list(group))
        for metrics in self._metrics:
            metrics.update()
        return responses

    def finalize(self) -> None:
        self._engine.close()

    def require(self, tensors: Tensors) -> None:
        """InvalidInput where an ordinary request lacks what it must carry."""
        require(tensors, self.required)

    def _control(self, request: Any) -> Any:
        try:
            raw = str(request_tensors(request)[RESIDENCY_INPUT][0])
            report = self._residency.obey(parse_control(raw))
        except Exception as error:
            return self._failure(error)
        words = np.array([[report.model_dump_json().encode()]], dtype=np.object_)
        return pb_utils.InferenceResponse([pb_utils.Tensor(REPORT_OUTPUT, words)])

    def _infer(self, requests: Sequence[Any]) -> list[Any]:
        parsed = [self._parse(request) for request in requests]
        batch = [item for item in parsed if not isinstance(item, Exception)]
        with computing_for(requests):
            answers = iter(self._run(batch) if batch else [])
        return [
            self._response(item if isinstance(item, Exception) else next(answers))
            for item in parsed
        ]

    def _parse(self, request: Any) -> Tensors | Exception:
        try:
            if request.is_cancelled():
                raise Cancelled("The request was cancelled before its turn.")
            tensors = request_tensors(request)
            self.require(tensors)
        except Exception as error:
            return error
        return tensors

    def _run(self, batch: list[Tensors]) -> Sequence[Tensors | Exception]:
        try:
            self._residency.restore()
            return self._engine.run(batch)
        except Exception as error:
            return [error] * len(batch)

    def _response(self, answer: Tensors | Exception) -> Any:
        if isinstance(answer, Exception):
            return self._failure(answer)
        try:
            return pb_utils.InferenceResponse(response_tensors(answer, self._types))
        except Exception as error:
            return self._failure(error)

    def _failure(self, error: Exception) -> Any:
        """Answer with one sentence; what is not the caller's fault goes to Triton's log."""
        if isinstance(error, GreenroomError) and error.grpc_code in _CODES:
            code = getattr(pb_utils.TritonError, _CODES[error.grpc_code])
            failure = pb_utils.TritonError(as_details(str(error)), code)
        else:
            pb_utils.Logger.log_error("".join(traceback.format_exception(error)))
            sentence = f"model {self._name!r} failed: {_sentence(error)}"
            failure = pb_utils.TritonError(as_details(sentence), pb_utils.TritonError.INTERNAL)
        return pb_utils.InferenceResponse(error=failure)


def is_control(request: Any) -> bool:
    return any(tensor.name() == RESIDENCY_INPUT for tensor in request.inputs())


def _sentence(error: Exception) -> str:
    if isinstance(error, GreenroomError):
        return str(error)
    return f"{type(error).__name__}; see the server's log."
