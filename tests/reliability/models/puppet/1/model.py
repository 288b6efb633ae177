from typing import ClassVar

from greenroom.managed.managed_model import ManagedModel


class TritonPythonModel(ManagedModel):
    required = ("INPUT",)
    engines: ClassVar = {"puppet": "puppet_engine:PuppetEngine"}
