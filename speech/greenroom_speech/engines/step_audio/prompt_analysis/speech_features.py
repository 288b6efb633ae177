"""The 24 kHz mel spectrogram that the flow continues."""

from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from greenroom_speech.engines.step_audio.prompt_analysis.mel_scale import slaney_filters

RATE = 24_000
N_FFT, HOP = 1920, 480
BANDS = 80
HIGH = 8000.0


def speech_features(wave: Tensor) -> Tensor:
    """Log mel spectrogram (samples // 480, 80), 50 Hz, of a 24 kHz wave (samples,).

    Magnitudes (not powers) of a periodic Hann window, frames centred by reflecting 720 samples at
    both ends, natural logarithm. In double precision: near silence the transform's rounding, which
    differs from processor to processor, would show in the logarithm.
    """
    edge = (N_FFT - HOP) // 2
    padded = functional.pad(wave.double()[None], (edge, edge), mode="reflect")[0]
    window = torch.hann_window(N_FFT, dtype=torch.float64)
    spectrum = torch.stft(padded, N_FFT, HOP, window=window, center=False, return_complex=True)
    magnitude = (spectrum.abs().square() + 1e-9).sqrt()
    return (_filters() @ magnitude).clamp(min=1e-5).log().T.float()


@cache
def _filters() -> Tensor:
    return slaney_filters(RATE, N_FFT, BANDS, 0, HIGH).double()
