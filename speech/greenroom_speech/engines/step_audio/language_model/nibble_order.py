"""Where torch's packing of 4 bit weights puts each of them, found out by packing known ones.

The order differs from one processor to the next and is nowhere promised.
"""

from collections.abc import Callable

import torch

Pack = Callable[[torch.Tensor], torch.Tensor]
"""From values 0 to 15, uint8 (rows, columns), to what the kernel takes."""


def nibble_order(pack: Pack, rows: int, columns: int) -> torch.Tensor:
    """The place ``row * columns + column`` of each nibble of one packed tile, (2, bytes), int64.

    First the low nibbles of all bytes, then the high ones.
    """
    places = torch.arange(rows * columns).view(rows, columns)
    found = torch.zeros(2, rows * columns // 2, dtype=torch.int64)
    for shift in range(0, max(1, (rows * columns - 1).bit_length()), 4):
        packed = pack((places >> shift & 15).to(torch.uint8)).cpu().view(-1).view(torch.uint8)
        found |= torch.stack([packed & 15, packed >> 4]).long() << shift
    return found
