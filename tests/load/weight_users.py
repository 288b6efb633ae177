"""Users of models with weights, of which not all fit."""

import random
from typing import ClassVar

import numpy as np
import tritonclient.grpc as triton_grpc
from load_shapes import CROWD
from load_user import PATIENCE, LoadUser, authorization


class WeightUser(LoadUser):
    """Asks one of the models at a time, and looks whether every byte of its weights is right.

    A model of tests/managed_models.py adds the number that it is given to the checksum of its
    weights, which therefore has to stay what it was.
    """

    checksums: ClassVar[dict[str, int]] = {}

    def on_start(self):
        self.triton = triton_grpc.InferenceServerClient(self.grpc_address)

    def on_stop(self):
        self.triton.close()

    def ask(self):
        model, number = random.choice(CROWD), random.randrange(2**31)
        self.measured("KServe gRPC", model, lambda: self._infer(model, number))

    def _infer(self, model, number):
        tensor = triton_grpc.InferInput("NUMBER", [1, 1], "INT64")
        tensor.set_data_from_numpy(np.array([[number]], np.int64))
        result = self.triton.infer(
            model, [tensor], headers=authorization(), client_timeout=PATIENCE
        )
        checksum = (result.as_numpy("SUM").item() - number) % 2**64
        if self.checksums.setdefault(model, checksum) != checksum:
            raise ValueError(f"model {model} answers wrongly: its weights have changed")
        return 0.0
