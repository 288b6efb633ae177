"""WORLD analysis and synthesis at one rate, frame period and resolution.

M. Morise, F. Yokomori, K. Ozawa: WORLD, a vocoder-based high-quality speech synthesis system,
IEICE Trans. Inf. Syst. E99-D (2016). Package pyworld.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyworld

RATE = 24_000
FRAME_MS = 5.0
FRAMES_PER_SECOND = 200
FFT = 1024
BINS = FFT // 2 + 1
F0_FLOOR, F0_CEIL = 60.0, 550.0

Floats = npt.NDArray[np.float64]
Signal = npt.NDArray[np.float32] | npt.NDArray[np.float64]


@dataclass(frozen=True)
class Analysis:
    """Frames of 5 ms of a 24 kHz signal."""

    f0: Floats
    """Hz, shape (frames,), 0 where unvoiced."""
    envelope: Floats
    """Power spectral envelope, shape (frames, 513)."""
    aperiodicity: Floats
    """In [0, 1], shape (frames, 513)."""


def recorded_pitch(samples: Floats) -> tuple[Floats, Floats]:
    """F0 in Hz (0 unvoiced) and its frame times in seconds, by Harvest.

    It withstands noise and takes a fifth of the duration.
    """
    f0, times = pyworld.harvest(
        samples, RATE, f0_floor=F0_FLOOR, f0_ceil=F0_CEIL, frame_period=FRAME_MS
    )
    return f0, times


def synthetic_pitch(samples: Floats) -> tuple[Floats, Floats]:
    """The same for clean synthetic speech, by DIO and StoneMask, ten times as fast.

    A first pass finds the voice's range. Within it the second may let F0 move quickly, which
    finds the whole of every voiced stretch; what is missed here ends as noise in the result.
    """
    rough, _ = _dio(samples, F0_FLOOR, F0_CEIL)
    if not rough.any():
        return _dio(samples, F0_FLOOR, F0_CEIL)
    middle = float(np.median(rough[rough > 0]))
    f0, times = _dio(samples, max(50.0, 0.6 * middle), 1.9 * middle)
    return pyworld.stonemask(samples, f0, times, RATE), times


def _dio(samples: Floats, floor: float, ceil: float) -> tuple[Floats, Floats]:
    f0, times = pyworld.dio(
        samples,
        RATE,
        f0_floor=floor,
        f0_ceil=ceil,
        channels_in_octave=4.0,
        frame_period=FRAME_MS,
        allowed_range=0.25,
    )
    return f0, times


def envelope(samples: Floats, f0: Floats, times: Floats) -> Floats:
    """The power spectral envelope by CheapTrick, shape (frames, 513)."""
    power: Floats = pyworld.cheaptrick(samples, f0, times, RATE, fft_size=FFT)
    return power


def aperiodicity(samples: Floats, f0: Floats, times: Floats) -> Floats:
    """From 0 to 1, by D4C, shape (frames, 513)."""
    noise: Floats = pyworld.d4c(samples, f0, times, RATE, fft_size=FFT)
    return noise


def analyse(samples: Signal) -> Analysis:
    """A recording at 24 kHz; its pitch is that of `recorded_pitch`."""
    signal = np.ascontiguousarray(samples, dtype=np.float64)
    f0, times = recorded_pitch(signal)
    return Analysis(f0, envelope(signal, f0, times), aperiodicity(signal, f0, times))


def synthesise(frames: Analysis) -> Floats:
    """The 24 kHz signal of an analysis; the same frames give the same samples."""
    signal: Floats = pyworld.synthesize(
        np.ascontiguousarray(frames.f0),
        np.ascontiguousarray(frames.envelope),
        np.ascontiguousarray(frames.aperiodicity),
        RATE,
        FRAME_MS,
    )
    return signal
