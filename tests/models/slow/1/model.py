"""Returns its input after SECONDS, or, without them, when the file $GREENROOM_TEST_GATE exists."""

import os
import time
from pathlib import Path

import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def execute(self, requests):
        return [self._answer(request) for request in requests]

    def _answer(self, request):
        seconds = pb_utils.get_input_tensor_by_name(request, "SECONDS")
        if seconds is not None:
            time.sleep(float(seconds.as_numpy().item()))
        else:
            gate = Path(os.environ["GREENROOM_TEST_GATE"])
            gate.with_suffix(".reached").touch()
            while not gate.exists():
                time.sleep(0.005)
        given = pb_utils.get_input_tensor_by_name(request, "INPUT").as_numpy()
        return pb_utils.InferenceResponse([pb_utils.Tensor("OUTPUT", given)])
