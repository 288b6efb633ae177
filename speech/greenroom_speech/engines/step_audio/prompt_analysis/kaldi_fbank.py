"""Kaldi's log mel filter bank energies."""

from functools import cache

import torch
from torch import Tensor

from greenroom_speech.engines.step_audio.prompt_analysis.mel_scale import kaldi_filters

RATE = 16_000
FRAME, SHIFT = 400, 160
N_FFT = 512
BANDS = 80
LOW, HIGH = 20.0, 8000.0
PREEMPHASIS = 0.97
_DITHER_SEED = 0
EPSILON = torch.finfo(torch.float32).eps


def povey_window() -> Tensor:
    """Kaldi's default window, a Hann window to the power of 0.85, (FRAME,)."""
    return torch.hann_window(FRAME, periodic=False) ** 0.85


def hamming_window() -> Tensor:
    """The window of FunASR's front end, (FRAME,)."""
    return torch.hamming_window(FRAME, periodic=False)


def frames_of(samples: int) -> int:
    """Whole frames inside of a wave of so many samples."""
    return max(0, (samples - FRAME) // SHIFT + 1)


def fbank(wave: Tensor, window: Tensor, dither: float = 0.0) -> Tensor:
    """Log energies of a 16 kHz wave (samples,): (frames, 80), 100 frames a second.

    As ``compute-fbank-feats`` with 80 bins from 20 Hz and 25 ms frames inside of the wave. The
    scale of the wave is the caller's choice; ``dither`` is the deviation of the noise that each
    frame gets in it, the same noise for the same number of frames.
    """
    if wave.numel() < FRAME:
        return torch.empty(0, BANDS)
    frames = wave.unfold(0, FRAME, SHIFT)
    if dither:
        noise = torch.randn(frames.shape, generator=torch.Generator().manual_seed(_DITHER_SEED))
        frames = frames + dither * noise
    frames = frames - frames.mean(1, keepdim=True)
    before = torch.cat((frames[:, :1], frames[:, :-1]), dim=1)
    spectrum: Tensor = torch.fft.rfft((frames - PREEMPHASIS * before) * window, n=N_FFT)
    energies = torch.matmul(spectrum.abs().square(), _filters().T)
    return energies.clamp(min=EPSILON).log()


@cache
def _filters() -> Tensor:
    return kaldi_filters(RATE, N_FFT, BANDS, LOW, HIGH)
