"""Its process dies at every request."""

import os
import signal


class TritonPythonModel:
    def execute(self, requests):
        os.kill(os.getpid(), signal.SIGKILL)
