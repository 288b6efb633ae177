"""How a device wants its 4 bit weights: w = (q - 8) * scale + zero, q from 0 to 15."""

from typing import Protocol

import torch

from greenroom_speech.engines.step_audio.language_model.many_rows import ManyRows


class Int4Layout(Protocol):
    """Packing, and products with what was packed.

    ``scales`` has shape (groups, out, 2): scale and zero, in bfloat16, as torch's kernels take
    them.
    """

    def fault(self, inputs: int, outputs: int) -> str | None:
        """What is wrong with the sizes of a matrix, as the end of a sentence."""
        ...

    def shape(self, inputs: int, outputs: int) -> tuple[torch.Size, torch.dtype]:
        """Of the packed matrix; its first dimension is that of the rows, a whole part of it."""
        ...

    def pack(self, values: torch.Tensor) -> torch.Tensor:
        """Pack some rows of a matrix, uint8 from 0 to 15, as many as a multiple of 64."""
        ...

    def product(
        self, x: torch.Tensor, packed: torch.Tensor, group: int, scales: torch.Tensor
    ) -> torch.Tensor:
        """From (n, in) to (n, out), by torch's kernel."""
        ...

    def dequantised(
        self,
        x: torch.Tensor,
        packed: torch.Tensor,
        group: int,
        scales: torch.Tensor,
        many: ManyRows,
    ) -> torch.Tensor:
        """The same through the scratch."""
        ...


def scale_and_shift(scales: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(groups, out) each: w = (q + shift) * scale, with a shift that is a whole number.

    So q + shift is exact in bfloat16, and a weight is rounded once.
    """
    scale, zero = scales.unbind(-1)
    points = (zero.float() / scale.float()).nan_to_num_(0).round_()
    return scale, points.sub_(8).bfloat16()
