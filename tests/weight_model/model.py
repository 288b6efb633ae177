from typing import ClassVar

from greenroom.managed.managed_model import ManagedModel


class TritonPythonModel(ManagedModel):
    required = ("NUMBER",)
    engines: ClassVar = {"weights": "weight_engine:WeightEngine"}
