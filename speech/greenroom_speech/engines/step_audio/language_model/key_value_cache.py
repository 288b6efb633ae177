"""Keys and values of all layers, in one buffer that is given from outside."""

from collections.abc import Sequence

import torch

from greenroom_speech.engines.step_audio.language_model.cache_size import elements_per_token
from greenroom_speech.engines.step_audio.language_model.config import LanguageModelConfig

_CLEANED_AHEAD = 256
"""Positions that are zeroed at a time."""


class KeyValueCache:
    """Rows of one capacity, cut from a static buffer of any content.

    ``states`` has shape (layers, 2, rows, groups, capacity, head_dim): keys, then values.
    """

    def __init__(
        self, config: LanguageModelConfig, buffer: torch.Tensor, rows: int, capacity: int
    ) -> None:
        self.capacity = capacity
        self.states = buffer[: rows * capacity * elements_per_token(config)].view(
            config.num_hidden_layers,
            2,
            rows,
            config.num_attention_groups,
            capacity,
            config.head_dim,
        )
        self._clean = [0] * rows

    @property
    def rows(self) -> int:
        """Requests that can be decoded together."""
        return len(self._clean)

    def reach(self, rows: int, end: int) -> None:
        """Make positions below ``end`` of the first rows safe to look at; before they are written.

        A masked position still takes part in the products, where a NaN that the buffer came
        with would spread. A position is only cleaned once.
        """
        for row, clean in enumerate(self._clean[:rows]):
            if clean < end:
                ahead = min(self.capacity, -(-end // _CLEANED_AHEAD) * _CLEANED_AHEAD)
                self.states[:, :, row, :, clean:ahead].zero_()
                self._clean[row] = ahead

    def move(self, source: int, target: int, length: int) -> None:
        """Copy the first ``length`` positions of one row to another."""
        self.reach(target + 1, length)
        states = self.states[:, :, :, :, :length]
        states[:, :, target] = states[:, :, source]

    def take(self, other: "KeyValueCache", lengths: Sequence[int]) -> None:
        """Take over the first rows of a cache that was cut from the same buffer otherwise.

        ``lengths`` are the positions that each of them uses.
        """
        rows, length = len(lengths), max(lengths)
        ours, theirs = self.states.flatten(0, 1), other.states.flatten(0, 1)
        planes = range(len(ours))
        # Each plane lies at or behind its old place where rows grow, and before it where they
        # shrink: in this order none is overwritten before it has moved.
        for plane in reversed(planes) if self.capacity > other.capacity else planes:
            ours[plane, :rows, :, :length] = theirs[plane, :rows, :, :length].clone()
        self._clean[:rows] = [min(clean, length) for clean in other._clean[:rows]]
