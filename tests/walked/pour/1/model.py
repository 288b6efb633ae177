"""pour: COUNT pieces, one in each step."""

from greenroom.managed.steps import SteppedModel


class TritonPythonModel(SteppedModel):
    required = ("COUNT",)
