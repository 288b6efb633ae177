"""The diffusion transformer (DiT) that says in which direction the mel frames flow."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from greenroom_speech.engines.step_audio.vocoder.estimator_block import BlockMemory, EstimatorBlock
from greenroom_speech.engines.step_audio.vocoder.sizes import EstimatorSizes

_INPUTS = 4
"""Side by side, with as many channels each: x, mu, speaker, cond."""
_WAVES = 256
_SLOWEST = 10000.0


@dataclass(frozen=True)
class Modulation:
    """What one point of time does to the layers: shifts, scales and gates."""

    blocks: tuple[Tensor, ...]
    """(9, width) each."""
    final: Tensor
    """(2, width)."""


class Estimator(nn.Module):
    """The velocity of mel frames at one point of time, under a condition."""

    def __init__(self, sizes: EstimatorSizes) -> None:
        super().__init__()
        width = sizes.hidden_size
        self.t_embedder = nn.ModuleDict(
            {"mlp": nn.Sequential(nn.Linear(_WAVES, width), nn.SiLU(), nn.Linear(width, width))}
        )
        self.in_proj = nn.Linear(sizes.in_channels, width)
        self.blocks = nn.ModuleList(EstimatorBlock(sizes) for _ in range(sizes.depth))
        self.final_layer = nn.ModuleDict(
            {
                "adaLN_modulation": nn.Sequential(nn.SiLU(), nn.Linear(width, 2 * width)),
                "linear": nn.Linear(width, sizes.out_channels),
            }
        )

    def embedded(self, times: Tensor) -> Tensor:
        """From times (n,), 0 to 1, to (n, width)."""
        half = _WAVES // 2
        rates = torch.arange(half, device=times.device, dtype=torch.float32)
        rates = torch.exp(rates * (-math.log(_SLOWEST) / half))
        angles = times.float()[:, None] * 1000 * rates
        waves = torch.cat([angles.cos(), angles.sin()], dim=1)
        embedded: Tensor = self.t_embedder["mlp"](waves.to(self.in_proj.weight.dtype))
        return embedded

    def modulations(self, times: Tensor) -> list[Modulation]:
        """What each of the times (n,) does, for all requests of these weights the same."""
        time = self.embedded(times)
        blocks = [cast(EstimatorBlock, block).modulation(time) for block in self.blocks]
        final = self.final_layer["adaLN_modulation"](time).view(len(time), 2, -1)
        return [
            Modulation(tuple(block[step] for block in blocks), final[step])
            for step in range(len(time))
        ]

    def condition(self, mu: Tensor, speaker: Tensor, cond: Tensor) -> Tensor:
        """The part of the input that no Euler step changes: (batch, frames, width).

        ``mu`` and ``cond`` are (batch, frames, channels), ``speaker`` (batch, channels).
        """
        _, for_mu, for_speaker, for_cond = self.in_proj.weight.chunk(_INPUTS, dim=1)
        of_speaker = F.linear(speaker, for_speaker, self.in_proj.bias)
        return F.linear(mu, for_mu) + F.linear(cond, for_cond) + of_speaker[:, None]

    def forward(
        self,
        x: Tensor,
        condition: Tensor,
        modulation: Modulation,
        mask: Tensor | None = None,
        memory: Sequence[BlockMemory] | None = None,
    ) -> Tensor:
        """Velocities (batch, frames, channels) for ``x`` (1 or batch, frames, channels).

        ``mask`` (batch, frames) is false where a frame is padding: nobody attends to it.
        ``memory`` is what each block keeps in a stream.
        """
        x = F.linear(x, self.in_proj.weight.chunk(_INPUTS, dim=1)[0]) + condition
        keys = None if mask is None else mask[:, None, None]
        kept = [None] * len(self.blocks) if memory is None else memory
        for block, change, its in zip(self.blocks, modulation.blocks, kept, strict=True):
            x = block(x, change, keys, its)
        shift, scale = modulation.final
        x = F.layer_norm(x, x.shape[2:], 1 + scale, shift, 1e-6)
        velocity: Tensor = self.final_layer["linear"](x)
        return velocity
