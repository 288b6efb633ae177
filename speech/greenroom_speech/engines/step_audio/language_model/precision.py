"""How the weights of the language model's layers are held."""

import platform
from functools import partial
from pathlib import Path

import torch

from greenroom.errors import SetupError
from greenroom.managed.arena import Arena
from greenroom_speech.engines.step_audio.language_model.int4_layout import Int4Layout
from greenroom_speech.engines.step_audio.language_model.int4_on_cpu import CpuInt4
from greenroom_speech.engines.step_audio.language_model.int4_on_cuda import CudaInt4
from greenroom_speech.engines.step_audio.language_model.int4_projection import Int4Projection
from greenroom_speech.engines.step_audio.language_model.int8_projection import Int8Projection
from greenroom_speech.engines.step_audio.language_model.many_rows import (
    LARGEST_BLOCK,
    ManyRows,
    least_rows,
)
from greenroom_speech.engines.step_audio.language_model.projection import Projection
from greenroom_speech.engines.step_audio.language_model.quantisation import Quantisation
from greenroom_speech.engines.step_audio.language_model.step1 import MakeProjection, Step1


def projection_of(
    precision: str, quantisation: Quantisation | None, device: torch.device, many: ManyRows
) -> MakeProjection:
    """What makes the layers' products for a precision. SetupError if the checkpoint is another's.

    ``quantisation`` is that of the checkpoint, None where it holds the weights as they are.
    """
    if (precision == "int4") != (quantisation is not None):
        found = "not quantised" if quantisation is None else "quantised to 4 bit"
        raise SetupError(
            f"precision is {precision}, but the language model's checkpoint is {found}."
        )
    if quantisation is not None:
        layout: Int4Layout = CpuInt4() if device.type == "cpu" else CudaInt4(device)
        return partial(Int4Projection, quantisation=quantisation, layout=layout, many=many)
    return partial(Int8Projection, many=many) if precision == "int8" else Projection


@torch.inference_mode()
def use_many_rows(model: Step1, many: ManyRows, arena: Arena, folder: Path) -> None:
    """Give the packed projections of a model their scratch, and measure when to use it.

    The arena is hot. What was measured is kept in a file of ``folder``.
    """
    packed = [part for part in model.modules() if isinstance(part, Int8Projection | Int4Projection)]
    largest = max(packed, key=lambda part: part.inputs * part.outputs)
    inputs, outputs = largest.inputs, largest.outputs
    many.use(arena.scratch((inputs * outputs,), torch.bfloat16))
    example = torch.ones(LARGEST_BLOCK, inputs, dtype=torch.bfloat16, device=arena.device)
    key = f"{_device(arena.device)}, {type(largest).__name__} {outputs} x {inputs}"
    kept = folder / "dequantised_rows.json"
    many.least = least_rows(largest.by_kernel, largest.dequantised, example, kept, key)


def _device(device: torch.device) -> str:
    """What a measurement is true of."""
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)}, torch {torch.__version__}"
    kind = f"{platform.node()} {torch.backends.cpu.get_cpu_capability()}"
    return f"{kind}, {torch.get_num_threads()} threads, torch {torch.__version__}"
