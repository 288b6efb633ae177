"""What happens to a prompt's samples before features are made of them."""

import torch
from torch import Tensor
from torch.nn import functional

RATE = 16_000
PEAK = 0.6
TOP_DB = 20.0
FRAME, HOP = 512, 128
LEAD = 800
"""Samples kept before the first loud frame: 50 ms."""
UNIT = 240
TAIL = 4320
"""Samples that follow the last loud frame or stand for what follows: 270 ms less the lead."""


def limited(wave: Tensor) -> Tensor:
    """A wave at its own rate with a peak of 0.6 at most."""
    peak = float(wave.abs().max())
    return wave * (PEAK / peak) if peak > PEAK else wave


def normalised(wave: Tensor) -> Tensor:
    """A wave with a peak of 0.999; what is quieter than 0.01 stays quiet."""
    return wave / wave.abs().max().clamp(min=0.01) * 0.999


def trimmed(wave: Tensor) -> Tensor:
    """A 16 kHz wave from 50 ms before its first loud frame to a while after its last.

    The length is a whole number of 15 ms units and 270 ms; silence fills what the wave lacks.
    """
    start, end = _loud_part(wave)
    length = -(-(end - start) // UNIT) * UNIT + TAIL
    first = start - LEAD
    wave = wave[first:] if first > 0 else functional.pad(wave, (-first, 0))
    return functional.pad(wave, (0, length - wave.numel()))


def _loud_part(wave: Tensor) -> tuple[int, int]:
    """Where the frames within 20 dB of the loudest begin and end, in samples.

    Frames are centred, with silence beyond the ends, as in ``librosa.effects.trim``.
    """
    frames = functional.pad(wave, (FRAME // 2, FRAME // 2)).unfold(0, FRAME, HOP)
    power = frames.square().mean(1).clamp(min=1e-10)
    loud = torch.nonzero(10 * torch.log10(power / power.max()) > -TOP_DB).flatten()
    return int(loud[0]) * HOP, min(wave.numel(), (int(loud[-1]) + 1) * HOP)
