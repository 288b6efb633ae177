"""Self-attention with relative positions (Transformer-XL's, as ESPnet computes it)."""

import math

import torch
from torch import Tensor, nn

from greenroom_speech.engines.step_audio.vocoder.attention_memory import AttentionMemory

_SCORE_BYTES = 128 * 2**20
"""Heads are computed together as far as their scores fit; more at once would not be faster."""


def relative_positions(queries: int, keys: int, width: int, like: Tensor) -> Tensor:
    """Sine and cosine rows for the distances keys-1 down to -(queries-1).

    Shape (queries + keys - 1, width), sines in the even columns; the last query stands at the
    last key.
    """
    distance = torch.arange(keys - 1, -queries, -1, device=like.device, dtype=torch.float32)
    rate = torch.exp(
        torch.arange(0, width, 2, device=like.device, dtype=torch.float32)
        * -(math.log(10000.0) / width)
    )
    angle = distance[:, None] * rate
    return torch.stack([angle.sin(), angle.cos()], dim=2).view(-1, width).to(like.dtype)


class RelativeAttention(nn.Module):
    """Attention whose scores have a part for content and a part for distance."""

    def __init__(self, width: int, heads: int, key_bias: bool) -> None:
        super().__init__()
        self.heads = heads
        self.linear_q = nn.Linear(width, width)
        self.linear_k = nn.Linear(width, width, bias=key_bias)
        self.linear_v = nn.Linear(width, width)
        self.linear_out = nn.Linear(width, width)
        self.linear_pos = nn.Linear(width, width, bias=False)
        self.pos_bias_u = nn.Parameter(torch.empty(heads, width // heads))
        self.pos_bias_v = nn.Parameter(torch.empty(heads, width // heads))

    def forward(self, x: Tensor, positions: Tensor, memory: AttentionMemory | None) -> Tensor:
        """From (frames, width) to the same; all frames see each other and the memory."""
        scale = self.pos_bias_u.shape[1] ** -0.5
        query = self._heads(self.linear_q(x))
        key, value = self._heads(self.linear_k(x)), self._heads(self.linear_v(x))
        if memory is not None:
            key, value = memory.append(key, value)
        content = (query + self.pos_bias_u[:, None]) * scale
        place = (query + self.pos_bias_v[:, None]) * scale
        parts = (content, place, key, value, self._heads(self.linear_pos(positions)))
        at_once = max(1, _SCORE_BYTES // (4 * len(x) * (len(positions) + 2 * key.shape[1])))
        heard = [_attend(*group) for group in zip(*(p.split(at_once) for p in parts), strict=True)]
        joined: Tensor = self.linear_out(torch.cat(heard).transpose(0, 1).flatten(1))
        return joined

    def _heads(self, x: Tensor) -> Tensor:
        return x.view(len(x), self.heads, -1).transpose(0, 1)


def _attend(content: Tensor, place: Tensor, key: Tensor, value: Tensor, position: Tensor) -> Tensor:
    scores = place @ position.transpose(1, 2)
    heads, queries, distances = scores.shape
    # Row i of the scores by distance begins one to the left of row i-1: a view, no copy.
    scores = scores.as_strided(
        (heads, queries, key.shape[1]), (queries * distances, distances - 1, 1), queries - 1
    )
    return torch.baddbmm(scores, content, key.transpose(1, 2)).softmax(dim=-1) @ value
