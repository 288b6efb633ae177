"""A matrix product with weights of 4 bit, as compressed-tensors' ``pack-quantized`` stores them.

https://github.com/vllm-project/compressed-tensors: ``weight_packed`` int32 (out, in / 8), lowest
nibble first, the signed value plus 8; ``weight_scale`` (out, in / group); ``weight_shape``; of the
asymmetric scheme ``weight_zero_point`` int32 (out / 8, in / group), packed along its first
dimension in the same way. A weight is (value - zero point) * scale.
"""

from collections.abc import Mapping

import torch
from torch import nn

from greenroom.errors import SetupError
from greenroom.managed.arena.packing import Packing, TensorForm
from greenroom.managed.arena.weight_source import Stored
from greenroom_speech.engines.step_audio.language_model.int4_layout import Int4Layout
from greenroom_speech.engines.step_audio.language_model.many_rows import ManyRows
from greenroom_speech.engines.step_audio.language_model.quantisation import Quantisation

_PER_WORD = 8
_MIDDLE = 8


class Int4Projection(Packing):
    """The weight (out, in) packed for a device, with scale and zero of each group of inputs."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        quantisation: Quantisation,
        layout: Int4Layout,
        many: ManyRows,
    ) -> None:
        super().__init__()
        self._group, self._symmetric = quantisation.group_size, quantisation.symmetric
        fault = layout.fault(inputs, outputs)
        if inputs % self._group:
            fault = f"its columns must be a multiple of the group, {self._group}"
        if fault is not None:
            raise SetupError(
                f"a matrix of {outputs} rows and {inputs} columns cannot have precision int4; "
                f"{fault}."
            )
        self.inputs, self.outputs = inputs, outputs
        shape, dtype = layout.shape(inputs, outputs)
        self.weight = nn.Parameter(torch.empty(shape, dtype=dtype), requires_grad=False)
        scales = torch.empty(inputs // self._group, outputs, 2, dtype=torch.bfloat16)
        self.scales = nn.Parameter(scales, requires_grad=False)
        self._layout, self._many = layout, many

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """From (n, in) to (n, out), bfloat16."""
        return self.by_kernel(x) if x.shape[0] < self._many.least else self.dequantised(x)

    def by_kernel(self, x: torch.Tensor) -> torch.Tensor:
        """The weights are never more than 4 bit wide in memory."""
        return self._layout.product(x, self.weight, self._group, self.scales)

    def dequantised(self, x: torch.Tensor) -> torch.Tensor:
        """Through the scratch."""
        return self._layout.dequantised(x, self.weight, self._group, self.scales, self._many)

    def made_of(self) -> Mapping[str, TensorForm]:
        """The tensors of one quantised layer."""
        groups = self.inputs // self._group
        words, floats = (torch.int32,), (torch.bfloat16, torch.float16, torch.float32)
        forms = {
            "weight_packed": TensorForm(
                torch.Size((self.outputs, self.inputs // _PER_WORD)), words
            ),
            "weight_scale": TensorForm(torch.Size((self.outputs, groups)), floats),
            "weight_shape": TensorForm(torch.Size((2,)), (torch.int64, torch.int32)),
        }
        if not self._symmetric:
            shape = torch.Size((-(-self.outputs // _PER_WORD), groups))
            forms["weight_zero_point"] = TensorForm(shape, words)
        return forms

    def rows(self) -> int:
        return self.outputs

    def pack(
        self, stored: Mapping[str, Stored], into: Mapping[str, torch.Tensor], rows: range
    ) -> None:
        """The device's order, and scales as its kernel takes them."""
        said = stored["weight_shape"].values(0, 2).tolist()
        if said != [self.outputs, self.inputs]:
            raise SetupError(
                f"weight_shape of a quantised layer is {said}; it must be "
                f"{[self.outputs, self.inputs]}."
            )
        values = _nibbles(_rows_of(stored["weight_packed"], rows))
        packed = self._layout.pack(values)
        # A row of the packed tensor may stand for several of the matrix.
        share = self.outputs // into["weight"].shape[0]
        into["weight"][rows.start // share : rows.start // share + len(packed)] = packed
        scale = _rows_of(stored["weight_scale"], rows).bfloat16()
        zero = (_MIDDLE - self._zero_points(stored, rows)) * scale
        both = torch.stack([scale, zero], dim=-1)
        into["scales"][:, rows.start : rows.stop] = both.transpose(0, 1)

    def _zero_points(self, stored: Mapping[str, Stored], rows: range) -> torch.Tensor | int:
        if self._symmetric:
            return _MIDDLE
        words = range(rows.start // _PER_WORD, -(-rows.stop // _PER_WORD))
        packed = _rows_of(stored["weight_zero_point"], words)
        return _nibbles(packed.t().contiguous()).t()[: len(rows)].short()


def _rows_of(stored: Stored, rows: range) -> torch.Tensor:
    columns = stored.shape[1]
    return stored.values(rows.start * columns, rows.stop * columns).view(len(rows), columns)


def _nibbles(words: torch.Tensor) -> torch.Tensor:
    """From int32 (n, m) to uint8 (n, 8 m), the lowest nibble first."""
    octets = words.view(torch.uint8)
    return torch.stack([octets & 15, octets >> 4], dim=-1).view(len(words), -1)
