"""tally: how many words each sentence of a text has."""

from greenroom.managed.steps import SteppedModel


class TritonPythonModel(SteppedModel):
    """Serves the engine that ``config.pbtxt`` names."""

    required = ("TEXT",)
