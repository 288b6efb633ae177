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
PLACES = (range(LINGUISTIC),) * 2 + (range(LINGUISTIC, CODES),) * GROUP_PAIRS
"""What may stand at each place of a group."""
_SILENT = LINGUISTIC
"""The row of the first column where the linguistic codebook, the slower one, says nothing."""
_PADDING = (0, 0, 0, LINGUISTIC, LINGUISTIC, LINGUISTIC)


def token_pairs(codes: Sequence[int]) -> Tensor:
    """Int64 pairs (n, 2), n = 3 per started group of five codes.

    ``codes`` are audio ids minus the first audio id, 0 to 5119, in the order in which the
    language model says them. An incomplete group is filled up. The columns index one table: the
    linguistic code, or 1024 where that codebook is silent, and one more than the semantic code.
    Raises InvalidInput for a code that is none, and for one that is not of the codebook that
    stands at its place: read by place alone, what follows would be noise.
    """
    for place, code in enumerate(codes):
        allowed = PLACES[place % GROUP]
        if code not in allowed:
            raise InvalidInput(
                f"Audio code {place} is {code}; at this place it must be from {allowed.start} to "
                f"{allowed.stop - 1}: codes come in groups of two linguistic ones and three "
                "semantic ones."
            )
    missing = -len(codes) % GROUP
    padded = [*codes, *_PADDING[len(_PADDING) - missing :]]
    groups = torch.tensor(padded, dtype=torch.int64).view(-1, GROUP)
    silent = torch.full_like(groups[:, :1], _SILENT)
    first = torch.cat([groups[:, :2], silent], dim=1)
    return torch.stack([first, groups[:, 2:] + 1], dim=2).view(-1, 2)
