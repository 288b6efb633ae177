"""Numbers that a faithful implementation of the production models must give.

They lie in tests/parity (its README says what they are), or, where ``GREENROOM_PARITY`` names a
folder, in another set of the same shape. Sizes come from the json files.
"""

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

FOLDER = Path(os.environ.get("GREENROOM_PARITY") or Path(__file__).parent / "parity")


def parity_json(name: str) -> Any:
    """Return the configuration and notes of a fixture."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def parity_io(name: str) -> dict[str, torch.Tensor]:
    """Return the inputs and the expected outputs of a fixture."""
    return load_file(FOLDER / f"{name}.io.safetensors")


def parity_weights(name: str) -> dict[str, torch.Tensor]:
    """Return the state dict of a fixture, under the names of the released checkpoints."""
    return load_file(FOLDER / f"{name}.weights.safetensors")
