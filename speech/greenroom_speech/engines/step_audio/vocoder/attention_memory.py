"""Keys and values of earlier chunks, for attention in a stream."""

import torch
from torch import Tensor


class AttentionMemory:
    """What one attention layer has seen; empty at first. Tensors are (..., frames, width)."""

    def __init__(self) -> None:
        self.keys: Tensor | None = None
        self.values: Tensor | None = None

    @property
    def frames(self) -> int:
        return 0 if self.keys is None else self.keys.shape[-2]

    def append(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Keep a chunk's keys and values after the older ones; return all."""
        if self.keys is not None and self.values is not None:
            keys = torch.cat([self.keys, keys], dim=-2)
            values = torch.cat([self.values, values], dim=-2)
        self.keys, self.values = keys, values
        return keys, values


class AttentionWindow:
    """What one attention layer has seen of the prompt, and of the newest frames after it.

    The first frames that come are the prompt's; they are kept for good.
    """

    def __init__(self, states: Tensor, kept: int) -> None:
        """``states`` (2, ..., frames, width) is where keys and values are kept, of any content.

        It has room for the prompt and the ``kept`` newest frames.
        """
        self.states, self._kept = states, kept
        self.prompt = self.frames = 0

    def append(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Keep what is to be kept of a chunk's keys and values; return all that it looks at."""
        new = torch.stack([keys, values])
        seen = torch.cat([self.states[..., : self.frames, :], new], dim=-2)
        if not self.frames:
            self.prompt = self.frames = seen.shape[-2]
            self.states[..., : self.prompt, :] = seen
        else:
            newest = seen[..., self.prompt :, :][..., -self._kept :, :]
            self.frames = self.prompt + newest.shape[-2]
            self.states[..., self.prompt : self.frames, :] = newest
        return seen[0], seen[1]

    def rewind(self) -> None:
        """Forget all but the prompt."""
        self.frames = self.prompt
