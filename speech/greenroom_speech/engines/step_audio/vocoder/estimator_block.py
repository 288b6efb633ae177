"""One block of the estimator: attention, causal convolution, MLP, each gated by the time."""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from greenroom_speech.engines.step_audio.vocoder.attention_memory import AttentionWindow
from greenroom_speech.engines.step_audio.vocoder.sizes import EstimatorSizes

_KERNEL = 3
_PARTS = 9
"""Shift, scale and gate for attention, for the MLP, for the convolution, in this order."""


@dataclass
class BlockMemory:
    """What a block keeps from chunk to chunk of a stream."""

    attention: AttentionWindow
    convolutions: dict[nn.Module, Tensor] = field(default_factory=dict)
    """The last frames that went into each convolution, (batch, 2, width); none at first."""


class EstimatorBlock(nn.Module):
    """(batch, frames, width) to the same; there are no positions but the convolutions' order."""

    def __init__(self, sizes: EstimatorSizes) -> None:
        super().__init__()
        width, inner = sizes.hidden_size, int(sizes.hidden_size * sizes.mlp_ratio)
        self.attn = SelfAttention(width, sizes.num_heads, sizes.head_dim)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, inner), "fc2": nn.Linear(inner, width)})
        self.conv = nn.ModuleDict({"block": CausalConvolutions(width)})
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, _PARTS * width))

    def modulation(self, times: Tensor) -> Tensor:
        """From embedded times (n, width) to (n, 9, width)."""
        modulation: Tensor = self.adaLN_modulation(times)
        return modulation.view(len(times), _PARTS, -1)

    def forward(
        self, x: Tensor, modulation: Tensor, keys: Tensor | None, memory: BlockMemory | None
    ) -> Tensor:
        """The next block's input, (batch, frames, width). ``x`` is overwritten."""
        attention, mlp, convolution = modulation.view(3, 3, -1)
        attended = self.attn(_modulated(x, attention), keys, memory)
        x.addcmul_(attended, attention[2])
        convolved = self.conv["block"](_modulated(x, convolution), memory)
        x.addcmul_(convolved, convolution[2])
        inner = F.gelu(self.mlp["fc1"](_modulated(x, mlp)), approximate="tanh")
        return x.addcmul_(self.mlp["fc2"](inner), mlp[2])


class SelfAttention(nn.Module):
    """Attention with normed queries and keys."""

    def __init__(self, width: int, heads: int, head_width: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(width, heads * head_width)
        self.to_k = nn.Linear(width, heads * head_width)
        self.to_v = nn.Linear(width, heads * head_width)
        self.q_norm = nn.LayerNorm(head_width, eps=1e-5)
        self.k_norm = nn.LayerNorm(head_width, eps=1e-5)
        self.proj = nn.Linear(heads * head_width, width)

    def forward(self, x: Tensor, keys: Tensor | None, memory: BlockMemory | None) -> Tensor:
        """Shape (batch, frames, width); ``keys`` (batch, 1, 1, frames) says whom to attend to."""
        query = self.q_norm(self._heads(self.to_q(x))).transpose(1, 2)
        key = self.k_norm(self._heads(self.to_k(x))).transpose(1, 2)
        value = self._heads(self.to_v(x)).transpose(1, 2)
        if memory is not None:
            key, value = memory.attention.append(key, value)
        heard = F.scaled_dot_product_attention(query, key, value, attn_mask=keys)
        joined: Tensor = self.proj(heard.transpose(1, 2).flatten(2))
        return joined

    def _heads(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], self.heads, -1)


class CausalConvolutions(nn.ModuleDict):
    """Two convolutions over this and the two frames before, with a norm and Mish between."""

    def __init__(self, width: int) -> None:
        super().__init__(
            {
                "1": nn.Conv1d(width, width, _KERNEL),
                "3": nn.LayerNorm(width, eps=1e-5),
                "6": nn.Conv1d(width, width, _KERNEL),
            }
        )

    def forward(self, x: Tensor, memory: BlockMemory | None) -> Tensor:
        """From (batch, frames, width) to (batch, frames, width)."""
        x = F.mish(self["3"](_causal(self["1"], x, memory)), inplace=True)
        return _causal(self["6"], x, memory)


def _modulated(x: Tensor, part: Tensor) -> Tensor:
    shift, scale = part[0], part[1]
    return F.layer_norm(x, x.shape[2:], 1 + scale, shift, 1e-6)


def _causal(conv: nn.Module, x: Tensor, memory: BlockMemory | None) -> Tensor:
    past = None if memory is None else memory.convolutions.get(conv)
    if past is None:
        past = x.new_zeros(x.shape[0], _KERNEL - 1, x.shape[2])
    x = torch.cat([past, x], dim=1)
    if memory is not None:
        memory.convolutions[conv] = x[:, 1 - _KERNEL :].clone()
    convolved: Tensor = conv(x.transpose(1, 2))
    return convolved.transpose(1, 2)
