"""A matrix product with weights of 8 bit, made of the checkpoint's when they are read."""

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn.functional import linear

from greenroom.errors import SetupError
from greenroom.managed.arena.packing import Packing, TensorForm
from greenroom.managed.arena.weight_source import Stored
from greenroom_speech.engines.step_audio.language_model.many_rows import ManyRows

MULTIPLE = 16
"""Of which rows and columns must be one: torch's kernel reads past the end of others."""
_LARGEST = 127


class Int8Projection(Packing):
    """The weight (out, in) is ``weight * scale``, one scale for each output, symmetric."""

    def __init__(self, inputs: int, outputs: int, many: ManyRows) -> None:
        super().__init__()
        if inputs % MULTIPLE or outputs % MULTIPLE:
            raise SetupError(
                f"a matrix of {outputs} rows and {inputs} columns cannot have precision int8; both "
                f"must be multiples of {MULTIPLE}."
            )
        weight = torch.empty(outputs, inputs, dtype=torch.int8)
        self.weight = nn.Parameter(weight, requires_grad=False)
        scale = torch.empty(outputs, dtype=torch.bfloat16)
        self.scale = nn.Parameter(scale, requires_grad=False)
        self.inputs, self.outputs = inputs, outputs
        self._many = many

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """From (n, in) to (n, out), bfloat16."""
        return self.by_kernel(x) if x.shape[0] < self._many.least else self.dequantised(x)

    def by_kernel(self, x: torch.Tensor) -> torch.Tensor:
        """The weights are never more than 8 bit wide in memory."""
        product: torch.Tensor = torch.ops.aten._weight_int8pack_mm(x, self.weight, self.scale)
        return product

    def dequantised(self, x: torch.Tensor) -> torch.Tensor:
        """Through the scratch. Numbers up to 127 are exact in bfloat16, so they are scaled last."""
        matrix = self._many.matrix(*self.weight.shape)
        matrix.copy_(self.weight)
        return linear(x, matrix).mul_(self.scale)

    def made_of(self) -> Mapping[str, TensorForm]:
        """The matrix as it is released."""
        return {
            "weight": TensorForm(self.weight.shape, (torch.bfloat16, torch.float32, torch.float16))
        }

    def rows(self) -> int:
        return self.weight.shape[0]

    def pack(
        self, stored: Mapping[str, Stored], into: Mapping[str, torch.Tensor], rows: range
    ) -> None:
        """Each row's largest magnitude becomes 127."""
        columns = self.weight.shape[1]
        flat = stored["weight"].values(rows.start * columns, rows.stop * columns)
        values = flat.view(len(rows), columns).float()
        largest = values.abs().amax(dim=1)
        # A row of zeros has any scale. What is divided by is the scale as it is kept.
        scale = torch.where(largest > 0, largest / _LARGEST, 1.0).bfloat16()
        into["scale"][rows.start : rows.stop] = scale
        values.div_(scale.float().unsqueeze(1)).round_().clamp_(-_LARGEST, _LARGEST)
        into["weight"][rows.start : rows.stop] = values
