"""The noise that every utterance starts from."""

import torch
from torch import Tensor

_BLOCK = 500
"""Frames drawn at once, so that the numbers do not depend on who asked for how many before."""


class Noise:
    """One endless row of normal draws, the same for every request; made as far as it is needed.

    Kept in host memory, 320 bytes a frame, and no part of a model's weights.
    """

    def __init__(self, channels: int, seed: int) -> None:
        self._generator = torch.Generator().manual_seed(seed)
        self._drawn = torch.empty(0, channels)

    @classmethod
    def given(cls, frames: Tensor) -> "Noise":
        """Noise that begins with these frames (n, channels)."""
        noise = cls(frames.shape[1], seed=0)
        noise._drawn = frames
        return noise

    def frames(self, start: int, count: int) -> Tensor:
        """Shape (count, channels), from frame ``start`` on; the same frames whenever asked."""
        end, channels = start + count, self._drawn.shape[1]
        while len(self._drawn) < end:
            block = torch.randn(_BLOCK, channels, generator=self._generator)
            self._drawn = torch.cat([self._drawn, block])
        return self._drawn[start:end]
