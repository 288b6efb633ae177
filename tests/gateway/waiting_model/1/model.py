"""A managed model that is not stepped."""

from greenroom.managed.managed_model import ManagedModel


class TritonPythonModel(ManagedModel):
    required = ("X",)
