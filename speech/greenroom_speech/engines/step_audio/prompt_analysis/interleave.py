"""The two kinds of codes as one sequence of the language model's ids."""

import torch
from torch import Tensor

FIRST_ID = 65_536
"""The language model's id of the first linguistic code."""
LINGUISTIC_CODES = 1024
LINGUISTIC, SEMANTIC = 2, 3
"""Codes of each kind in a group: 120 ms."""


def interleaved(linguistic: Tensor, semantic: Tensor) -> Tensor:
    """Groups of 2 linguistic and 3 semantic ids, int32; what fills no group is dropped."""
    groups = min(len(linguistic) // LINGUISTIC, len(semantic) // SEMANTIC)
    first = FIRST_ID + linguistic[: groups * LINGUISTIC].view(groups, LINGUISTIC)
    second = FIRST_ID + LINGUISTIC_CODES + semantic[: groups * SEMANTIC].view(groups, SEMANTIC)
    return torch.cat((first, second), dim=1).flatten().int()
