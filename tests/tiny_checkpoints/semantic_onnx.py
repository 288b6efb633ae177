"""A small network of the S3 tokenizer's structure, exported to ONNX as the released one was.

Built of openai-whisper's blocks, so that it owes nothing to the network under test.
"""

import warnings
from pathlib import Path

import torch
import torch.nn.functional as functional
from torch import nn
from whisper.model import MultiHeadAttention, ResidualAttentionBlock, sinusoids

BANDS, WIDTH, HEADS, BLOCKS, POSITIONS, CODES = 128, 128, 2, 2, 1500, 4096


class TinySemantic(nn.Module):
    """From a spectrogram (1, 128, frames) and its length (1,) to codes (1, ceil(frames / 4))."""

    def __init__(self, stride: int = 2) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(BANDS, WIDTH, 3, stride=stride, padding=1)
        self.conv2 = nn.Conv1d(WIDTH, WIDTH, 3, stride=2, padding=1)
        self.register_buffer("positional_embedding", sinusoids(POSITIONS, WIDTH))
        self.blocks = nn.ModuleList(ResidualAttentionBlock(WIDTH, HEADS) for _ in range(BLOCKS))
        self.register_buffer("embed", torch.empty(CODES, WIDTH))

    def forward(self, mel: torch.Tensor, length: torch.Tensor) -> torch.Tensor:
        known = (torch.arange(mel.shape[2]) < length).float()
        x = functional.gelu(self.conv1(mel * known))
        x = functional.gelu(self.conv2(x)).transpose(1, 2)
        x = x + self.positional_embedding[: x.shape[1]]
        for block in self.blocks:
            x = block(x)
        x = functional.normalize(x, dim=-1)
        embed = self.embed.t()
        distance = (
            x.pow(2).sum(-1, keepdim=True) - 2 * x @ embed + embed.pow(2).sum(0, keepdim=True)
        )
        return (-distance).max(-1).indices.int()


def semantic_onnx(
    path: Path, seed: int = 0, *, opset: int = 14, folded: bool = True, stride: int = 2
) -> TinySemantic:
    """Write a network with random weights to a file, and return it."""
    generator = torch.Generator().manual_seed(seed)
    network = TinySemantic(stride).eval()
    with torch.no_grad():
        for name, tensor in network.named_parameters():
            spread = 0.1 if tensor.ndim == 1 else 2 * tensor[0].numel() ** -0.5
            tensor.copy_(torch.randn(tensor.shape, generator=generator) * spread)
            if name.endswith("ln.weight"):
                tensor.add_(1)
        # Means of unit vectors: shorter than those, and not all of one length.
        centres = functional.normalize(torch.randn(CODES, WIDTH, generator=generator), dim=1)
        network.embed.copy_(centres * (0.7 + 0.3 * torch.rand(CODES, 1, generator=generator)))
    example = torch.randn(1, BANDS, 90), torch.tensor([90], dtype=torch.int32)
    fused, MultiHeadAttention.use_sdpa = MultiHeadAttention.use_sdpa, False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                network,
                example,
                str(path),
                input_names=["feats", "feats_length"],
                dynamic_axes={"feats": {2: "frames"}},
                opset_version=opset,
                do_constant_folding=folded,
                dynamo=False,
            )
    finally:
        MultiHeadAttention.use_sdpa = fused
    return network
