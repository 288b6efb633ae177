"""Resampling by a windowed sinc, with the numbers of ``torchaudio.functional.resample``."""

import math

import torch
from torch import Tensor
from torch.nn import functional

ZERO_CROSSINGS = 6
ROLLOFF = 0.99
"""Where the low pass lies, as a part of the lower Nyquist frequency."""
WHOLE, BLOCK = 1024, 256
"""Up to so many phases are filtered at once, more of them in blocks. The filters of a block share
their columns, so a small block has few."""


def resampled(wave: Tensor, rate: int, wanted: int) -> Tensor:
    """A wave (samples,) at another rate in Hz: ceil(samples * wanted / rate) samples.

    The same low pass (Hann window, 6 zero crossings, roll-off 0.99) as torchaudio's default;
    beyond its ends the wave is silent. Common pairs of rates have all their phases in one block
    and are then torchaudio's own convolution; others cost time and memory in proportion to the
    samples, not to the square of the rates.
    """
    common = math.gcd(rate, wanted)
    step, phases = rate // common, wanted // common
    if step == phases:
        return wave
    reach = math.ceil(ZERO_CROSSINGS * step / _cutoff(step, phases))
    padded = functional.pad(wave, (reach, reach + step))
    periods = wave.numel() // step + 1
    block = phases if phases <= WHOLE else BLOCK
    rows = []
    for first in range(0, phases, block):
        last = min(first + block, phases)
        begin, end = first * step // phases, -(-last * step // phases)
        filters = _filters(step, phases, range(first, last), range(begin - reach, end + reach))
        windows = padded[begin:].unfold(0, filters.shape[2], step)[:periods].reshape(1, 1, -1)
        rows.append(functional.conv1d(windows, filters, stride=filters.shape[2])[0])
    return torch.cat(rows).T.reshape(-1)[: -(-wave.numel() * phases // step)]


def _cutoff(step: int, phases: int) -> float:
    return min(step, phases) * ROLLOFF


def _filters(step: int, phases: int, outputs: range, inputs: range) -> Tensor:
    """The filters of some phases over some samples, (outputs, 1, inputs).

    The arithmetic is torchaudio's, in float32 and in its order: with exact filters the quietest
    mel bands move by more than the tolerance.
    """
    phase = torch.arange(-outputs.start, -outputs.stop, -1, dtype=torch.float32)
    sample = torch.arange(inputs.start, inputs.stop, dtype=torch.float32)
    time = phase[:, None, None] / phases + sample[None, None] / step
    time = (time * _cutoff(step, phases)).clamp(-ZERO_CROSSINGS, ZERO_CROSSINGS)
    window = torch.cos(time * math.pi / ZERO_CROSSINGS / 2) ** 2
    time = time * math.pi
    sinc = torch.where(time == 0, 1.0, time.sin() / time)
    return sinc * (window * (_cutoff(step, phases) / step))
