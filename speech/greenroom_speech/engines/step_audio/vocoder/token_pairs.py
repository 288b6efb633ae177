"""Mixed audio codes as pairs of both codebooks, aligned in time."""

from collections.abc import Sequence

import torch
from torch import Tensor

from greenroom.errors import InvalidInput
from greenroom_speech.engines.step_audio.audio_ids import LINGUISTIC, SEMANTIC

CODES = LINGUISTIC + SEMANTIC
GROUP = 5
"""Codes of a group: two linguistic (16.67 Hz) and three semantic ones (25 Hz)."""
GROUP_PAIRS = 3
_SILENT = LINGUISTIC
"""The row of the first column where the linguistic codebook, the slower one, says nothing."""
_PADDING = (0, 0, 0, LINGUISTIC, LINGUISTIC, LINGUISTIC)


def token_pairs(codes: Sequence[int]) -> Tensor:
    """Int64 pairs (n, 2), n = 3 per started group of five codes.

    ``codes`` are audio ids minus the first audio id, 0 to 5119, in the order in which the
    language model says them. An incomplete group is filled up. The columns index one table: the
    linguistic code, or 1024 where that codebook is silent, and one more than the semantic code.
    Raises InvalidInput for a code that is none.
    """
    for code in codes:
        if not 0 <= code < CODES:
            raise InvalidInput(f"An audio code is {code}; it must be from 0 to {CODES - 1}.")
    missing = -len(codes) % GROUP
    padded = [*codes, *_PADDING[len(_PADDING) - missing :]]
    groups = torch.tensor(padded, dtype=torch.int64).view(-1, GROUP)
    silent = torch.full_like(groups[:, :1], _SILENT)
    first = torch.cat([groups[:, :2], silent], dim=1)
    return torch.stack([first, groups[:, 2:] + 1], dim=2).view(-1, 2)
