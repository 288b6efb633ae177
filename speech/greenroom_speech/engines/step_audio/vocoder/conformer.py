"""The encoder of the flow: transformer blocks at 25 Hz, a doubling of the rate, blocks at 50 Hz."""

import math
from copy import copy
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from greenroom_speech.engines.step_audio.vocoder.attention_memory import AttentionMemory
from greenroom_speech.engines.step_audio.vocoder.relative_attention import (
    RelativeAttention,
    relative_positions,
)
from greenroom_speech.engines.step_audio.vocoder.sizes import EncoderSizes

_UP_KERNEL = 5


@dataclass
class EncoderMemory:
    """What the encoder keeps from chunk to chunk of a stream; empty at first."""

    lookahead: Tensor | None = None
    up: Tensor | None = None
    layers: dict[nn.Module, AttentionMemory] = field(default_factory=dict)

    def copy(self) -> "EncoderMemory":
        """The same; what is remembered after this is not in the other."""
        layers = {layer: copy(memory) for layer, memory in self.layers.items()}
        return EncoderMemory(self.lookahead, self.up, layers)

    def of(self, layer: nn.Module) -> AttentionMemory:
        return self.layers.setdefault(layer, AttentionMemory())


class ConformerEncoder(nn.Module):
    """Pairs' embeddings (n, input) to frames (2n, output)."""

    def __init__(self, sizes: EncoderSizes) -> None:
        super().__init__()
        width = sizes.output_size
        self.lookahead = sizes.pre_lookahead_len
        self.stride = sizes.up_stride
        self.embed = InputProjection(sizes.input_size, width)
        self.pre_lookahead_layer = Lookahead(width, sizes.pre_lookahead_len)
        self.encoders = nn.ModuleList(EncoderBlock(sizes) for _ in range(sizes.num_blocks))
        self.up_layer = nn.ModuleDict({"conv": nn.Conv1d(width, width, _UP_KERNEL)})
        self.up_embed = InputProjection(width, width)
        self.up_encoders = nn.ModuleList(EncoderBlock(sizes) for _ in range(sizes.num_up_blocks))
        self.after_norm = nn.LayerNorm(width, eps=1e-5)

    def forward(self, x: Tensor, memory: EncoderMemory | None = None, last: bool = True) -> Tensor:
        """Two frames for each pair that has its lookahead.

        Without ``memory`` and with ``last``, ``x`` is a whole utterance. In a stream the last
        pairs of ``x`` are only looked at, unless it is the last chunk: then silence follows them.
        """
        x = self.embed(x)
        if last:
            x = F.pad(x, (0, 0, 0, self.lookahead))
        x = self.pre_lookahead_layer(x, memory)
        x = _through(self.encoders, x, memory)
        x = self.up_embed(self._doubled(x, memory))
        x = _through(self.up_encoders, x, memory)
        normed: Tensor = self.after_norm(x)
        return normed

    def _doubled(self, x: Tensor, memory: EncoderMemory | None) -> Tensor:
        doubled = x.repeat_interleave(self.stride, dim=0)
        past = memory.up if memory is not None else None
        joined = _behind(past, doubled, _UP_KERNEL - 1)
        if memory is not None:
            memory.up = joined[1 - _UP_KERNEL :]
        return _over_time(self.up_layer["conv"], joined)


class InputProjection(nn.Module):
    """Linear and norm, scaled as position codings expect it."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.out = nn.Sequential(nn.Linear(inputs, width), nn.LayerNorm(width, eps=1e-5))

    def forward(self, x: Tensor) -> Tensor:
        """From (frames, inputs) to (frames, width)."""
        projected: Tensor = self.out(x)
        return projected * math.sqrt(projected.shape[1])


class Lookahead(nn.Module):
    """Mixes into each frame what comes right after it."""

    def __init__(self, width: int, frames: int) -> None:
        super().__init__()
        self.frames = frames
        self.conv1 = nn.Conv1d(width, width, frames + 1)
        self.conv2 = nn.Conv1d(width, width, 3)

    def forward(self, x: Tensor, memory: EncoderMemory | None) -> Tensor:
        """From (n, width) to (n - lookahead, width)."""
        ahead = F.leaky_relu(_over_time(self.conv1, x))
        past = self.conv2.kernel_size[0] - 1
        joined = _behind(memory.lookahead if memory is not None else None, ahead, past)
        if memory is not None:
            memory.lookahead = joined[-past:]
        return _over_time(self.conv2, joined) + x[: len(ahead)]


class EncoderBlock(nn.Module):
    """Attention, then two linear layers, each behind a norm and beside a residual."""

    def __init__(self, sizes: EncoderSizes) -> None:
        super().__init__()
        width = sizes.output_size
        self.self_attn = RelativeAttention(width, sizes.attention_heads, sizes.key_bias)
        self.feed_forward = nn.ModuleDict(
            {
                "w_1": nn.Linear(width, sizes.linear_units),
                "w_2": nn.Linear(sizes.linear_units, width),
            }
        )
        self.norm_mha = nn.LayerNorm(width, eps=1e-12)
        self.norm_ff = nn.LayerNorm(width, eps=1e-12)

    def forward(self, x: Tensor, positions: Tensor, memory: AttentionMemory | None) -> Tensor:
        """From (frames, width) to (frames, width)."""
        x = x + self.self_attn(self.norm_mha(x), positions, memory)
        inner = F.silu(self.feed_forward["w_1"](self.norm_ff(x)), inplace=True)
        fed: Tensor = self.feed_forward["w_2"](inner)
        return x + fed


def _through(blocks: nn.ModuleList, x: Tensor, memory: EncoderMemory | None) -> Tensor:
    layers = [memory.of(block) if memory is not None else None for block in blocks]
    seen = layers[0].frames if layers and layers[0] is not None else 0
    positions = relative_positions(len(x), seen + len(x), x.shape[1], x)
    for block, layer in zip(blocks, layers, strict=True):
        x = block(x, positions, layer)
    return x


def _behind(past: Tensor | None, x: Tensor, frames: int) -> Tensor:
    """``x`` (n, width) with so many frames before it: the past's, or zeros."""
    return torch.cat([x.new_zeros(frames, x.shape[1]) if past is None else past, x])


def _over_time(conv: nn.Module, x: Tensor) -> Tensor:
    convolved: Tensor = conv(x.T[None])
    return convolved[0].T
