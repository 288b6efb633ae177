"""An engine with weights of chosen size, whose answer depends on every bit of them.

``managed_models.weight_model`` writes it into a model's version folder, with ``weights.json``
and the checkpoint beside it.
"""

import json
import os
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

from greenroom.managed.arena import ArenaEngine

FOLDER = Path(__file__).parent


class Weights(nn.Module):
    """Tensors of the shapes and dtypes that the checkpoint has, and a tied one."""

    def __init__(self, tensors: dict[str, tuple[list[int], str]]) -> None:
        super().__init__()
        for name, (shape, dtype) in tensors.items():
            made = torch.empty(shape, dtype=getattr(torch, dtype))
            if made.is_floating_point():
                self.register_parameter(name, nn.Parameter(made, requires_grad=False))
            else:
                self.register_buffer(name, made)
        self.tied = next(self.parameters())

    def forward(self, number: torch.Tensor) -> torch.Tensor:
        """Return the number plus every tensor's checksum times its rank, as int64."""
        for rank, tensor in enumerate((*self.parameters(), *self.buffers()), 1):
            number = number + rank * checksum(tensor)
        return number


def checksum(tensor: torch.Tensor) -> torch.Tensor:
    """Return the sum of the tensor's bytes, taken as numbers of 64 bits where they fill one."""
    flat = tensor.detach().reshape(-1).view(torch.uint8)
    whole = flat.numel() // 8 * 8
    return flat[:whole].view(torch.int64).sum() + flat[whole:].sum()


class WeightEngine(ArenaEngine):
    """Adds a number to the checksum of the weights; slow where it is told to be."""

    name = "weights"

    def __init__(self, settings: object) -> None:
        self._options = json.loads((FOLDER / "weights.json").read_text())
        torch.set_num_threads(self._options["threads"])
        with torch.device("meta"):
            self._model = Weights(self._options["tensors"])
        super().__init__(self._model)

    def load(self) -> None:
        time.sleep(self._options["load_seconds"])
        self.arena.read(self._model, FOLDER / "model.safetensors")

    def restore(self) -> None:
        time.sleep(self._options["restore_seconds"])
        super().restore()

    def answer(self, request):
        if "SECONDS" in request:
            time.sleep(float(request["SECONDS"][0]))
        number = torch.from_numpy(request["NUMBER"]).to(self.arena.device)
        return {
            "SUM": self._model(number).cpu().numpy(),
            "PID": np.array([os.getpid()], dtype=np.int64),
        }

    def prime(self) -> None:
        self.answer({"NUMBER": np.zeros(1, dtype=np.int64)})
