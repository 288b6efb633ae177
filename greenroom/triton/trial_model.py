"""A model in Python that does nothing: to load it shows that stub, libpython and numpy fit."""

from pathlib import Path

from greenroom.triton.client import Triton
from greenroom.triton.repository import CONFIG

_NAME = "trial"
_CONFIG = """backend: "python"
max_batch_size: 1
input [ { name: "IN" data_type: TYPE_FP32 dims: [ 1 ] } ]
output [ { name: "OUT" data_type: TYPE_FP32 dims: [ 1 ] } ]
instance_group [ { kind: KIND_CPU } ]
"""
_CODE = """class TritonPythonModel:
    def execute(self, requests):
        return []
"""


def write_trial_model(repository: Path) -> None:
    """Make a repository with the model alone."""
    model = repository / _NAME
    (model / "1").mkdir(parents=True)
    (model / CONFIG).write_text(_CONFIG)
    (model / "1" / "model.py").write_text(_CODE)


async def load_trial_model(address: str, key: str) -> str:
    """Load the model on a server that is ready, and return the server's version."""
    triton = Triton(address, key)
    try:
        await triton.load(_NAME)
        return await triton.version()
    finally:
        await triton.close()
