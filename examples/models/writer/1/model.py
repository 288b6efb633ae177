"""writer: what a text could go on with."""

from typing import ClassVar

from greenroom.managed.managed_model import ManagedModel


class TritonPythonModel(ManagedModel):
    """The managed layer, and which engine it serves."""

    required = ("TEXT",)
    engines: ClassVar = {"writer": "writer_engine:WriterEngine"}
