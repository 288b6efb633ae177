"""4 bit weights for ``aten._weight_int4pack_mm``: bfloat16, compute capability 8.0 or newer."""

from functools import cached_property

import torch

from greenroom_speech.engines.step_audio.language_model.int4_layout import scale_and_shift
from greenroom_speech.engines.step_audio.language_model.many_rows import ManyRows
from greenroom_speech.engines.step_audio.language_model.nibble_order import nibble_order

_INNER = 8
"""Tiles of 16 columns that one word of the kernel's reads goes over."""
_ROWS, _COLUMNS = 8, 16 * _INNER
_AT_A_TIME = 128
"""Tiles of rows that are unpacked at a time, so that what lies between stays at some MB."""


class CudaInt4:
    """Tiles of 8 rows and 128 columns, each in the order that the tensor cores want."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def fault(self, inputs: int, outputs: int) -> str | None:
        """The kernel's rule."""
        if outputs % _ROWS or inputs % _COLUMNS:
            return f"rows must be a multiple of {_ROWS} and columns of {_COLUMNS} on a GPU"
        if torch.cuda.get_device_capability(self._device) < (8, 0):
            return "the GPU must have compute capability 8.0 or newer"
        return None

    def shape(self, inputs: int, outputs: int) -> tuple[torch.Size, torch.dtype]:
        """As torch packs it."""
        shape = (outputs // _ROWS, inputs // _COLUMNS, 32, _INNER // 2)
        return torch.Size(shape), torch.int32

    def pack(self, values: torch.Tensor) -> torch.Tensor:
        """As the protocol says; the result is on the host."""
        pairs = values[:, ::2] << 4 | values[:, 1::2]
        there = pairs.contiguous().to(self._device)
        packed: torch.Tensor = torch.ops.aten._convert_weight_to_int4pack(there, _INNER)
        return packed.cpu()

    def product(
        self, x: torch.Tensor, packed: torch.Tensor, group: int, scales: torch.Tensor
    ) -> torch.Tensor:
        """As the protocol says."""
        made: torch.Tensor = torch.ops.aten._weight_int4pack_mm(x, packed, group, scales)
        return made

    def dequantised(
        self,
        x: torch.Tensor,
        packed: torch.Tensor,
        group: int,
        scales: torch.Tensor,
        many: ManyRows,
    ) -> torch.Tensor:
        """The scratch holds the matrix (out, in)."""
        outputs, inputs = packed.shape[0] * _ROWS, packed.shape[1] * _COLUMNS
        matrix = many.matrix(outputs, inputs)
        tiles = packed.view(torch.uint8).view(packed.shape[0], packed.shape[1], -1)
        inverse = self._inverse.to(packed.device)
        for begin in range(0, len(tiles), _AT_A_TIME):
            some = tiles[begin : begin + _AT_A_TIME]
            values = torch.cat([some & 15, some >> 4], dim=-1)[..., inverse]
            values = values.view(len(some), -1, _ROWS, _COLUMNS).transpose(1, 2)
            rows = matrix[begin * _ROWS : (begin + len(some)) * _ROWS]
            rows.view(values.shape).copy_(values)
        scale, shift = scale_and_shift(scales)
        groups = matrix.view(outputs, -1, group)
        groups.add_(shift.t().unsqueeze(-1)).mul_(scale.t().unsqueeze(-1))
        return x @ matrix.t()

    @cached_property
    def _inverse(self) -> torch.Tensor:
        """Which nibble each place of a tile comes from."""
        return nibble_order(self.pack, _ROWS, _COLUMNS).view(-1).argsort()
