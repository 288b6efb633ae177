"""paced: a managed model whose load, restore, offload and work last as long as it is told."""

from greenroom.managed.managed_model import ManagedModel


class TritonPythonModel(ManagedModel):
    """Serves the engine that ``config.pbtxt`` names."""

    required = ("SECONDS",)
