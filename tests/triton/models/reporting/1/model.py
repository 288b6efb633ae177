"""Answers control requests as a managed model does; `fail` fails, `silence` is no report."""

import json
import os

import numpy as np
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def execute(self, requests):
        return [self._answer(request) for request in requests]

    def _answer(self, request):
        given = pb_utils.get_input_tensor_by_name(request, "RESIDENCY").as_numpy().item()
        action = json.loads(given)["action"]
        hot = action != "offload"
        report = {
            "residency": "hot" if hot else "warm",
            "device_bytes": 64 if hot else 0,
            "pid": os.getpid(),
            "error": None,
        }
        if action == "fail":
            report["error"] = "offload left 64 bytes on the device; it must leave none."
        text = "silence" if action == "silence" else json.dumps(report)
        answer = pb_utils.Tensor("RESIDENCY_REPORT", np.array([[text.encode()]], dtype=object))
        return pb_utils.InferenceResponse([answer])
