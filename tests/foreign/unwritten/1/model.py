"""Doubles, without a config.pbtxt: it writes its own config."""

import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    @staticmethod
    def auto_complete_config(config):
        tensor = {"data_type": "TYPE_FP32", "dims": [-1]}
        config.add_input({"name": "INPUT", **tensor})
        config.add_output({"name": "OUTPUT", **tensor})
        config.set_max_batch_size(4)
        return config

    def execute(self, requests):
        answers = []
        for request in requests:
            given = pb_utils.get_input_tensor_by_name(request, "INPUT").as_numpy()
            answers.append(pb_utils.InferenceResponse([pb_utils.Tensor("OUTPUT", given * 2)]))
        return answers
