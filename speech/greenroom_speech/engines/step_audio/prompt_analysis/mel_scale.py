"""The two mel filter banks in use: Slaney's (librosa, Whisper) and Kaldi's."""

import math

import torch
from torch import Tensor

_LINEAR_STEP = 200 / 3
_LOG_START = 1000.0
_LOG_STEP = math.log(6.4) / 27


def slaney_filters(rate: int, n_fft: int, bands: int, low: float, high: float) -> Tensor:
    """Triangles of equal area on Slaney's mel scale, (bands, n_fft // 2 + 1).

    As ``librosa.filters.mel`` by default: linear below 1 kHz, logarithmic above.
    """
    bins = torch.linspace(0, rate / 2, n_fft // 2 + 1, dtype=torch.float64)
    ends = torch.tensor([_slaney_mel(low), _slaney_mel(high)], dtype=torch.float64)
    corners = _slaney_hertz(torch.linspace(float(ends[0]), float(ends[1]), bands + 2).double())
    area = 2 / (corners[2:] - corners[:-2])
    return (_triangles(bins, corners) * area[:, None]).float()


def kaldi_filters(rate: int, n_fft: int, bands: int, low: float, high: float) -> Tensor:
    """Triangles of height 1 on Kaldi's mel scale, (bands, n_fft // 2 + 1).

    The triangles are straight in mel, not in Hz; the bin at the Nyquist frequency is left out.
    """
    bins = torch.arange(n_fft // 2, dtype=torch.float64) * rate / n_fft
    corners = torch.linspace(_kaldi_mel(low), _kaldi_mel(high), bands + 2, dtype=torch.float64)
    mels = 1127 * torch.log1p(bins / 700)
    triangles = _triangles(mels, corners).float()
    return torch.nn.functional.pad(triangles, (0, 1))


def _triangles(points: Tensor, corners: Tensor) -> Tensor:
    """(bands, points): for each triple of corners the triangle over it, at the points."""
    left, centre, right = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    rising = (points - left) / (centre - left)
    falling = (right - points) / (right - centre)
    return torch.minimum(rising, falling).clamp(min=0)


def _kaldi_mel(hertz: float) -> float:
    return 1127 * math.log1p(hertz / 700)


def _slaney_mel(hertz: float) -> float:
    if hertz < _LOG_START:
        return hertz / _LINEAR_STEP
    return _LOG_START / _LINEAR_STEP + math.log(hertz / _LOG_START) / _LOG_STEP


def _slaney_hertz(mels: Tensor) -> Tensor:
    start = _LOG_START / _LINEAR_STEP
    above = _LOG_START * torch.exp(_LOG_STEP * (mels - start))
    return torch.where(mels < start, mels * _LINEAR_STEP, above)
