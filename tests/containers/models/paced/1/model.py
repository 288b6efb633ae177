"""A stream that lasts for SECONDS, with a response in each."""

import time

import numpy as np
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def execute(self, requests):
        for request in requests:
            sender = request.get_response_sender()
            seconds = pb_utils.get_input_tensor_by_name(request, "SECONDS").as_numpy().item()
            for second in range(int(seconds)):
                tensor = pb_utils.Tensor("SECOND", np.array([second], np.int32))
                sender.send(pb_utils.InferenceResponse([tensor]))
                time.sleep(1)
            sender.send(flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
