"""Positions as an additive attention bias: ``-slope[head] * sqrt(query - key)``."""

import torch


def slopes(heads: int, device: torch.device | str = "cpu") -> torch.Tensor:
    """The slope of each query head, float32, shape (heads,).

    With n the largest power of two not above ``heads``: ``2 ** (-8k / n)`` for k = 1..n, then ``2
    ** (-4k / n)`` for k = 1, 3, 5, ... for the others (ALiBi, Press et al. 2022).
    """
    n = 1 << (heads.bit_length() - 1)
    first = [-8 * k / n for k in range(1, n + 1)]
    others = [-4 * k / n for k in range(1, 2 * (heads - n), 2)]
    return torch.exp2(torch.tensor(first + others, dtype=torch.float64)).float().to(device)


def bias(
    queries: torch.Tensor, keys: torch.Tensor, slopes: torch.Tensor, dtype: torch.dtype
) -> torch.Tensor:
    """Shape (..., heads, n, t), -inf where a key lies after its query.

    ``queries`` (..., n) and ``keys`` (t,) are positions, ``slopes`` (heads,). It is computed in
    float32 and rounded to ``dtype``, with no second tensor of its size in between.
    """
    distance = (queries.unsqueeze(-1) - keys).float()
    root = distance.sqrt_().nan_to_num_(nan=float("inf")).unsqueeze(-3)
    shape = (*root.shape[:-3], slopes.numel(), *root.shape[-2:])
    wide = torch.empty(shape, dtype=dtype, device=root.device)
    return torch.mul(root, -slopes[:, None, None], out=wide)
