"""counter: how many words a text has."""

from greenroom.managed.managed_model import ManagedModel


class TritonPythonModel(ManagedModel):
    """Serves the engine that ``config.pbtxt`` names."""

    required = ("TEXT",)
