"""How queries look at the cache: a block of one row's prompt, or one position of several rows.

The query heads that share a head of keys and values are laid out as further queries of it, so
keys and values are never repeated. Each of the two computes its bias once for all layers.
"""

from typing import Protocol

import torch
from torch.nn.functional import scaled_dot_product_attention

from greenroom_speech.engines.step_audio.language_model.key_value_cache import KeyValueCache
from greenroom_speech.engines.step_audio.language_model.sqrt_alibi import bias


class Attention(Protocol):
    """What a layer asks for."""

    def attend(
        self, layer: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor
    ) -> torch.Tensor:
        """Put keys and values (n, groups * head_dim) into the cache, look at all so far.

        ``query`` and the result have shape (n, heads * head_dim).
        """
        ...


class PromptBlock:
    """Positions ``start`` to ``end`` of one row; those before are in the cache."""

    def __init__(
        self, cache: KeyValueCache, row: int, start: int, end: int, slopes: torch.Tensor
    ) -> None:
        cache.reach(row + 1, end)
        self._states = cache.states[:, :, row]
        self._start, self._end = start, end
        groups = self._states.shape[2]
        positions = torch.arange(end, device=slopes.device)
        heads_bias = bias(positions[start:], positions, slopes, self._states.dtype)
        self._bias = heads_bias.view(1, groups, -1, end)

    def attend(
        self, layer: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor
    ) -> torch.Tensor:
        """As the protocol says."""
        states = self._states[layer, :, :, : self._end]
        _, groups, _, width = states.shape
        n = query.shape[0]
        states[0, :, self._start :] = key.view(n, groups, width).transpose(0, 1)
        states[1, :, self._start :] = value.view(n, groups, width).transpose(0, 1)
        rows = query.view(n, groups, -1, width).permute(1, 2, 0, 3).reshape(1, groups, -1, width)
        seen = scaled_dot_product_attention(
            rows, states[0].unsqueeze(0), states[1].unsqueeze(0), attn_mask=self._bias
        )
        return seen.view(groups, -1, n, width).permute(2, 0, 1, 3).reshape(n, -1)


class DecodeStep:
    """One new position of each of the first rows, of different lengths; the cache reaches it.

    ``positions`` (n,) are those of the new ids, ``reach`` is how many positions are looked at
    (more than any of them; what lies after a row's own is masked), ``pieces`` in how many parts
    the sum over them is taken: a GPU needs several to be busy with one row.
    """

    def __init__(
        self,
        cache: KeyValueCache,
        positions: torch.Tensor,
        slopes: torch.Tensor,
        reach: int,
        pieces: int = 1,
    ) -> None:
        self._states = cache.states[:, :, : positions.numel(), :, :reach]
        self._positions = positions
        self._rows = torch.arange(positions.numel(), device=positions.device)
        self._pieces = pieces
        groups = self._states.shape[3]
        keys = torch.arange(reach, device=positions.device)
        heads_bias = bias(positions.unsqueeze(-1), keys, slopes, torch.float32)
        self._bias = heads_bias.view(positions.numel() * groups, -1, reach)

    def attend(
        self, layer: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor
    ) -> torch.Tensor:
        """As the protocol says. Scores are float32 whatever the cache's type."""
        keys, values = self._states[layer]
        n, groups, _, width = keys.shape
        keys[self._rows, :, self._positions] = key.view(n, groups, width)
        values[self._rows, :, self._positions] = value.view(n, groups, width)
        scores = torch.baddbmm(
            self._bias,
            query.reshape(n * groups, -1, width).float(),
            keys.flatten(0, 1).transpose(1, 2).float(),
            alpha=width**-0.5,
        )
        weights = torch.softmax(scores, dim=-1).to(values.dtype)
        return self._weighted(weights, values.flatten(0, 1)).view(n, -1)

    def _weighted(self, weights: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        if self._pieces == 1:
            return torch.bmm(weights, values)
        rows, queries, reach = weights.shape
        parts = weights.view(rows, queries, self._pieces, -1).transpose(1, 2)
        return (parts @ values.view(rows, self._pieces, reach // self._pieces, -1)).sum(dim=1)
