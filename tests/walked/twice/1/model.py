"""Says a text twice."""

import numpy as np
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def execute(self, requests):
        return [self._answer(request) for request in requests]

    def _answer(self, request):
        text = pb_utils.get_input_tensor_by_name(request, "TEXT").as_numpy().item().decode()
        twice = np.array([[f"{text} {text}".encode()]], object)
        return pb_utils.InferenceResponse([pb_utils.Tensor("TEXT", twice)])
