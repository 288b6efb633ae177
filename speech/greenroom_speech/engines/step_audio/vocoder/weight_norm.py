"""Weight norm as checkpoints store it: a length and a direction per weight, folded at load."""

from collections.abc import Iterable, Mapping

import torch
from torch import Size, Tensor

_LENGTH = ".parametrizations.weight.original0"
_DIRECTION = ".parametrizations.weight.original1"


def stored_shapes(shapes: Mapping[str, Size], normed: Iterable[str]) -> dict[str, Size]:
    """The shapes in a file for those in use; ``normed`` are modules with weight norm."""
    stored = dict(shapes)
    for module in normed:
        shape = stored.pop(f"{module}.weight")
        stored[module + _LENGTH] = Size([shape[0], *[1] * (len(shape) - 1)])
        stored[module + _DIRECTION] = shape
    return stored


def folded(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict in which each weight is length times direction over its norm.

    Norms are taken per first dimension, which is the input's channel for a transposed
    convolution.
    """
    weights = {}
    for name, tensor in state.items():
        if name.endswith(_LENGTH):
            module = name.removesuffix(_LENGTH)
            direction = state[module + _DIRECTION]
            weights[f"{module}.weight"] = torch._weight_norm(direction, tensor, 0)
        elif not name.endswith(_DIRECTION):
            weights[name] = tensor
    return weights
