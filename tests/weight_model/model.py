from greenroom.managed.managed_model import ManagedModel


class TritonPythonModel(ManagedModel):
    required = ("NUMBER",)
