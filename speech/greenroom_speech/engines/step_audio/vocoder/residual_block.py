"""HiFT's residual blocks with their periodic activation."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Snake(nn.Module):
    """x + sin(alpha x)^2 / alpha, one alpha per channel (Ziyin et al. 2020)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.empty(channels))

    def forward(self, x: Tensor) -> Tensor:
        """From (batch, channels, frames) to the same."""
        alpha = self.alpha[:, None]
        wave = (x * alpha).sin_()
        return torch.addcmul(x, wave, wave / (alpha + 1e-9))


class ResidualBlock(nn.Module):
    """Pairs of convolutions, the first of each dilated, around a residual."""

    def __init__(self, channels: int, kernel: int, dilations: Sequence[int]) -> None:
        super().__init__()
        self.convs1 = nn.ModuleList(_convolution(channels, kernel, by) for by in dilations)
        self.convs2 = nn.ModuleList(_convolution(channels, kernel, 1) for _ in dilations)
        self.activations1 = nn.ModuleList(Snake(channels) for _ in dilations)
        self.activations2 = nn.ModuleList(Snake(channels) for _ in dilations)

    def forward(self, x: Tensor) -> Tensor:
        """From (batch, channels, frames) to the same."""
        for first, second, before, between in zip(
            self.convs1, self.convs2, self.activations1, self.activations2, strict=True
        ):
            x = x + second(between(first(before(x))))
        return x


def _convolution(channels: int, kernel: int, dilation: int) -> nn.Conv1d:
    padding = (kernel - 1) * dilation // 2
    return nn.Conv1d(channels, channels, kernel, dilation=dilation, padding=padding)
