"""Returns its input, but a first number above 1,000 is a signal: that and 1,000, for itself.

Above 2,000 it is for Triton, above 3,000 too, which does not see before that this process was
killed. What it was asked is appended to the file in GREENROOM_TEST_ASKED.
"""

import os
import signal
import subprocess
import time
from pathlib import Path

import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def execute(self, requests):
        return [self._answer(request) for request in requests]

    def _answer(self, request):
        given = pb_utils.get_input_tensor_by_name(request, "INPUT").as_numpy()
        number = int(given[0, 0])
        with Path(os.environ["GREENROOM_TEST_ASKED"]).open("a") as asked:
            asked.write(f"{number}\n")
        if number > 1000:
            time.sleep(0.2)  # others come meanwhile
            if number > 3000:
                os.kill(os.getppid(), signal.SIGSTOP)
                abort = f"sleep 1; kill -{number % 1000} {os.getppid()}; kill -CONT {os.getppid()}"
                subprocess.Popen(("sh", "-c", abort))
                os.kill(os.getpid(), signal.SIGKILL)
            whom = os.getppid() if number > 2000 else os.getpid()
            os.kill(whom, number % 1000)
            time.sleep(10)
        return pb_utils.InferenceResponse([pb_utils.Tensor("OUTPUT", given)])
