"""Returns its input; cannot be loaded while another process of it lives, however shortly."""

import fcntl
import os
from pathlib import Path

import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def initialize(self, args):
        lock = Path(f"{os.environ['GREENROOM_TEST_GATE']}.alone")
        self._held = lock.open("w")  # until the process has ended
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeError("There are two copies.") from None

    def execute(self, requests):
        return [self._answer(request) for request in requests]

    def _answer(self, request):
        given = pb_utils.get_input_tensor_by_name(request, "INPUT").as_numpy()
        return pb_utils.InferenceResponse([pb_utils.Tensor("OUTPUT", given)])
