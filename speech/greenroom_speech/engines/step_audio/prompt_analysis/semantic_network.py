"""The network of the semantic codes: S3 tokenizer v1 at 25 Hz, after its published description.

Two convolutions that halve the frame rate twice, a Whisper-like encoder, and the nearest of the
codebook's centres on the unit sphere.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

HEAD = 64
"""Width of one attention head, as in every size of Whisper's encoder."""


@dataclass(frozen=True)
class SemanticShape:
    """The sizes of a network; the released one has 128, 1280, 6, 5120, 1500 and 4096."""

    bands: int
    width: int
    blocks: int
    inner: int
    positions: int
    codes: int


class OnnxLinear(nn.Module):
    """A matrix product with its weight as an ONNX file has it: (inputs, outputs)."""

    def __init__(self, inputs: int, outputs: int, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inputs, outputs))
        self.bias = nn.Parameter(torch.empty(outputs)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """``x @ weight + bias`` over the last dimension."""
        return functional.linear(x, self.weight.T, self.bias)


class TransformerBlock(nn.Module):
    """Attention over everything and a perceptron, each after a normalisation."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.query = OnnxLinear(width, width)
        self.key = OnnxLinear(width, width, bias=False)
        self.value = OnnxLinear(width, width)
        self.out = OnnxLinear(width, width)
        self.perceptron_norm = nn.LayerNorm(width)
        self.widen = OnnxLinear(width, inner)
        self.narrow = OnnxLinear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        """From (frames, width) to (frames, width)."""
        normed = self.attention_norm(x)
        query, key, value = (_heads(made(normed)) for made in (self.query, self.key, self.value))
        attended = functional.scaled_dot_product_attention(query, key, value)
        x = x + self.out(attended.transpose(0, 1).flatten(1))
        inner = functional.gelu(self.widen(self.perceptron_norm(x)))
        return torch.add(x, self.narrow(inner))


class SemanticNetwork(nn.Module):
    """From a log mel spectrogram to codes."""

    positions: Tensor
    codebook: Tensor

    def __init__(self, shape: SemanticShape) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(shape.bands, shape.width, 3, stride=2, padding=1)
        self.conv2 = nn.Conv1d(shape.width, shape.width, 3, stride=2, padding=1)
        self.register_buffer("positions", torch.empty(shape.positions, shape.width))
        self.blocks = nn.ModuleList(
            TransformerBlock(shape.width, shape.inner) for _ in range(shape.blocks)
        )
        self.register_buffer("codebook", torch.empty(shape.width, shape.codes))

    @torch.inference_mode()
    def forward(self, mel: Tensor) -> Tensor:
        """Codes (ceil(frames / 4),), int64, of a spectrogram (bands, frames)."""
        x = functional.gelu(self.conv1(mel[None]))
        x = functional.gelu(self.conv2(x))[0].T
        x = x + self.positions[: len(x)]
        for block in self.blocks:
            x = block(x)
        x = functional.normalize(x, dim=1)
        # The squared distance less |x|^2, which is the same for every centre.
        return (2 * x @ self.codebook - self.codebook.square().sum(0)).argmax(1)


def _heads(x: Tensor) -> Tensor:
    return x.view(len(x), -1, HEAD).transpose(0, 1)
