"""The recording of a request, checked."""

import numpy as np
import numpy.typing as npt

from greenroom.errors import InvalidInput
from greenroom.managed.engine import Tensors
from greenroom_speech.settings import EngineSettings

Samples = npt.NDArray[np.float32]

MIN_RATE, MAX_RATE = 8_000, 192_000
SILENCE_PEAK = 1e-4
"""-80 dB below full scale: less than the noise of any microphone."""


def recording(
    request: Tensors, settings: EngineSettings, longest: float | None = None
) -> tuple[Samples, int]:
    """``AUDIO`` (mono float32 in [-1, 1]) and ``SAMPLE_RATE`` in Hz of a request.

    ``longest`` in seconds is another bound than ``max_audio_seconds``.

    Raises InvalidInput for a rate out of 8 to 192 kHz, a duration outside of the configured
    bounds, values that are not finite or far out of range, and silence.
    """
    rate = _rate(request)
    samples: Samples = np.asarray(request["AUDIO"], dtype=np.float32)
    if samples.ndim != 1:
        raise InvalidInput(f"AUDIO has shape {samples.shape}; it must be mono, one row of samples.")
    _check_duration(samples, rate, settings, longest or settings.max_audio_seconds)
    if not np.isfinite(samples).all():
        first = int(np.argmin(np.isfinite(samples)))
        raise InvalidInput(
            f"AUDIO sample {first} is {samples[first]}; all samples must be finite numbers."
        )
    _check_level(float(np.max(np.abs(samples))))
    return samples, rate


def asr_recording(request: Tensors, settings: EngineSettings) -> tuple[Samples, int]:
    """As `recording`; one whose ``TRANSCRIPT`` is given is not heard, so it may be an edit's."""
    longest = settings.max_edit_seconds if "TRANSCRIPT" in request else None
    return recording(request, settings, longest)


def _rate(request: Tensors) -> int:
    values = np.asarray(request["SAMPLE_RATE"]).reshape(-1)
    if values.size != 1:
        raise InvalidInput(f"SAMPLE_RATE has {values.size} values; it must have 1.")
    rate = int(values[0])
    if not MIN_RATE <= rate <= MAX_RATE:
        raise InvalidInput(f"SAMPLE_RATE is {rate} Hz; it must be {MIN_RATE} to {MAX_RATE} Hz.")
    return rate


def _check_duration(samples: Samples, rate: int, settings: EngineSettings, longest: float) -> None:
    if samples.size == 0:
        raise InvalidInput("AUDIO is empty; it must hold at least one sample.")
    seconds = samples.size / rate
    if seconds < settings.min_audio_seconds:
        raise InvalidInput(
            f"AUDIO lasts {seconds:.3f} s; it must last at least {settings.min_audio_seconds:g} s."
        )
    if seconds > longest:
        raise InvalidInput(f"AUDIO lasts {seconds:.1f} s; it must last at most {longest:g} s.")


def _check_level(peak: float) -> None:
    if peak < SILENCE_PEAK:
        raise InvalidInput(
            f"AUDIO is silent (its peak is {peak:.1e}); it must contain speech, "
            f"with a peak of at least {SILENCE_PEAK:g}."
        )
    if peak > 4.0:
        raise InvalidInput(
            f"AUDIO has a peak of {peak:.4g}; float PCM must lie in [-1, 1] "
            "(integer samples have to be scaled)."
        )
