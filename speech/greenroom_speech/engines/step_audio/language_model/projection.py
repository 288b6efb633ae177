"""A matrix product with weights as they are in the checkpoint."""

import torch
from torch import nn
from torch.nn.functional import linear

_ONEDNN = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]


class Projection(nn.Module):
    """A matrix product with the weight (out, in), without a bias."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs), requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """From (n, in) to (n, out)."""
        return projected(x, self.weight)


def projected(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """``x @ weight.T``.

    In float32 on a CPU through oneDNN, as torch does by itself for other types: torch's own way
    there, MKL, takes up to twice as long for a few rows and 1.15 times as long for many.
    """
    if _ONEDNN and x.device.type == "cpu" and x.dtype == torch.float32:
        product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, None, "none", [], "")
        return product
    return linear(x, weight)
