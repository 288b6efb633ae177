"""Returns its input; cannot be loaded while a file `refuses` lies beside its folder."""

from pathlib import Path

import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def initialize(self, args):
        if (Path(__file__).parents[2] / "refuses").exists():
            raise RuntimeError("The model fickle refuses.")

    def execute(self, requests):
        return [self._answer(request) for request in requests]

    def _answer(self, request):
        given = pb_utils.get_input_tensor_by_name(request, "INPUT").as_numpy()
        return pb_utils.InferenceResponse([pb_utils.Tensor("OUTPUT", given)])
