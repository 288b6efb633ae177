"""writer: what a text could go on with."""

from greenroom.managed.managed_model import ManagedModel


class TritonPythonModel(ManagedModel):
    """Serves the engine that ``config.pbtxt`` names."""

    required = ("TEXT",)
