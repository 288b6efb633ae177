"""4 bit weights for ``aten._weight_int4pack_mm_for_cpu``."""

from functools import cached_property

import torch

from greenroom_speech.engines.step_audio.language_model.int4_layout import scale_and_shift
from greenroom_speech.engines.step_audio.language_model.many_rows import ManyRows
from greenroom_speech.engines.step_audio.language_model.nibble_order import nibble_order

_MULTIPLE = 16
_TILE = 64
"""Rows of which every processor makes whole blocks."""


class CpuInt4:
    """Blocks of 32 or 64 rows, in each of which the values of a column lie side by side."""

    def fault(self, inputs: int, outputs: int) -> str | None:
        """The kernel's rule."""
        if outputs % _MULTIPLE or inputs % 2:
            return f"its rows must be a multiple of {_MULTIPLE} on a CPU"
        return None

    def shape(self, inputs: int, outputs: int) -> tuple[torch.Size, torch.dtype]:
        """As torch packs it."""
        return torch.Size((outputs, inputs // 2)), torch.uint8

    def pack(self, values: torch.Tensor) -> torch.Tensor:
        """As the protocol says."""
        packed: torch.Tensor = torch.ops.aten._convert_weight_to_int4pack_for_cpu(values.int(), 1)
        return packed

    def product(
        self, x: torch.Tensor, packed: torch.Tensor, group: int, scales: torch.Tensor
    ) -> torch.Tensor:
        """As the protocol says."""
        made: torch.Tensor = torch.ops.aten._weight_int4pack_mm_for_cpu(x, packed, group, scales)
        return made

    def dequantised(
        self,
        x: torch.Tensor,
        packed: torch.Tensor,
        group: int,
        scales: torch.Tensor,
        many: ManyRows,
    ) -> torch.Tensor:
        """The scratch holds the matrix (in, out), its columns in the order of the nibbles.

        A matrix whose rows are no whole blocks goes to the kernel.
        """
        outputs, inputs = packed.shape[0], packed.shape[1] * 2
        if outputs % _TILE:
            return self.product(x, packed, group, scales)
        order = self._order
        block = order.numel()
        matrix = many.matrix(inputs, outputs)
        halves = matrix.view(inputs, -1, 2, block // 2)
        bytes_of = packed.view(-1, inputs, block // 2).transpose(0, 1)
        halves[:, :, 0] = bytes_of & 15
        halves[:, :, 1] = bytes_of >> 4
        starts = torch.arange(0, outputs, block).unsqueeze(1)
        columns = (starts + order).view(-1)
        scale, shift = scale_and_shift(scales[:, columns])
        groups = matrix.view(-1, group, outputs)
        groups.add_(shift.unsqueeze(1)).mul_(scale.unsqueeze(1))
        made = torch.empty(x.shape[0], outputs, dtype=x.dtype)
        made[:, columns] = x @ matrix
        return made

    @cached_property
    def _order(self) -> torch.Tensor:
        """The rows of one block in the order of their nibbles, all low ones before the high."""
        rows = nibble_order(self.pack, _TILE, 2) // 2
        # Where the rows begin anew, the second column of the first block begins.
        block = _TILE if int(rows[:, : _TILE // 2].max()) >= _TILE // 2 else _TILE // 2
        return rows[:, : block // 2].reshape(-1)
