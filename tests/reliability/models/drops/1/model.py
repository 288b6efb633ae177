"""Sends its input as a first answer, and as a second when $GREENROOM_TEST_GATE exists."""

import os
import time
from pathlib import Path

import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def execute(self, requests):
        gate = Path(os.environ["GREENROOM_TEST_GATE"])
        for request in requests:
            given = pb_utils.get_input_tensor_by_name(request, "INPUT").as_numpy()
            answer = pb_utils.InferenceResponse([pb_utils.Tensor("OUTPUT", given)])
            sender = request.get_response_sender()
            sender.send(answer)
            while not gate.exists():
                time.sleep(0.005)
            sender.send(answer, flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
