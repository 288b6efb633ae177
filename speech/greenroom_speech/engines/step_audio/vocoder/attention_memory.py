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
        return self._keep([self.keys, keys], [self.values, values])

    def prepend(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Keep a chunk's keys and values before the older ones; return all."""
        return self._keep([keys, self.keys], [values, self.values])

    def keep_ends(self, first: int, last: int) -> None:
        """Forget what lies between the first and the last so many frames."""
        if self.keys is not None and self.values is not None and self.frames > first + last:
            self.keys, self.values = (
                torch.cat([kept[..., :first, :], kept[..., kept.shape[-2] - last :, :]], dim=-2)
                for kept in (self.keys, self.values)
            )

    def _keep(
        self, keys: list[Tensor | None], values: list[Tensor | None]
    ) -> tuple[Tensor, Tensor]:
        self.keys, self.values = (
            torch.cat([part for part in parts if part is not None], dim=-2)
            for parts in (keys, values)
        )
        return self.keys, self.values
