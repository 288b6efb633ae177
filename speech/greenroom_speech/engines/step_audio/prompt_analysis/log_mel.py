"""Whisper's log mel spectrogram with 128 bands, the input of the semantic network."""

from functools import cache

import torch
from torch import Tensor

from greenroom_speech.engines.step_audio.prompt_analysis.mel_scale import slaney_filters

RATE = 16_000
N_FFT, HOP = 400, 160
BANDS = 128


def log_mel(wave: Tensor) -> Tensor:
    """The spectrogram (128, samples // 160) of a 16 kHz wave (samples,).

    As openai-whisper's ``log_mel_spectrogram`` without padding: the loudest place of the wave
    sets the floor 80 dB below it.
    """
    window = torch.hann_window(N_FFT)
    spectrum = torch.stft(wave, N_FFT, HOP, window=window, return_complex=True)
    power = spectrum[:, :-1].abs().square()
    levels = (_filters() @ power).clamp(min=1e-10).log10()
    return (levels.clamp(min=float(levels.max()) - 8) + 4) / 4


@cache
def _filters() -> Tensor:
    return slaney_filters(RATE, N_FFT, BANDS, 0, RATE / 2)
