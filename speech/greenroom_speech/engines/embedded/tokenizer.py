"""The voice profile of a recording by WORLD analysis."""

import numpy as np

from greenroom.managed.engine import HostEngine, Tensors
from greenroom.managed.result_cache import ResultCache, digest, tensor_bytes
from greenroom_speech.engines.audio_input import Samples, recording
from greenroom_speech.engines.embedded import world
from greenroom_speech.engines.embedded.loudness import active_frames, active_rms, frame_rms
from greenroom_speech.engines.embedded.voice_profile import (
    CODES,
    SILENT,
    UNVOICED,
    VOICED,
    VoiceProfile,
    encode,
)
from greenroom_speech.engines.embedded.world import RATE, Floats
from greenroom_speech.engines.resampling import resampled
from greenroom_speech.settings import EngineSettings

OCTAVE_ERROR = 0.6
"""ln F0 this far from the median is an error of the pitch tracker, not the speaker."""


class EmbeddedTokenizer(HostEngine):
    """Turns ``AUDIO`` into the prompt tensors laid out in ``voice_profile``."""

    name = "embedded"
    version = "world-1"

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self.cache: ResultCache[Tensors] = ResultCache(settings.cache_bytes, tensor_bytes)

    def prime(self) -> None:
        """Analyse a moment of a tone, so that the first request finds the code in memory."""
        tone = 0.3 * np.sin(2 * np.pi * 150 * np.arange(RATE // 2) / RATE)
        profile(tone.astype(np.float32), RATE)

    def answer(self, request: Tensors) -> Tensors:
        """``PROMPT_TOKENS``, ``SPEECH_FEATURES`` and ``SPEAKER_EMBEDDING``: a voice profile."""
        samples, rate = recording(request, self._settings, self._settings.max_edit_seconds)
        key = digest(self.name, self.version, samples, str(rate))
        return self.cache.get(key, lambda: profile(samples, rate).tensors())


def profile(samples: Samples, rate: int) -> VoiceProfile:
    """Mono samples of any rate in Hz; they are analysed at 24 kHz."""
    signal = resampled(samples, rate, RATE).astype(np.float64)
    f0, times = world.recorded_pitch(signal)
    codes = encode(world.envelope(signal, f0, times))
    levels = frame_rms(signal, f0.size)
    active = active_frames(levels)
    f0 = _without_octave_errors(np.where(active, f0, 0.0))
    kinds = np.where(active, np.where(f0 > 0, VOICED, UNVOICED), SILENT).astype(np.int32)
    log_f0 = np.log(f0[f0 > 0])
    return VoiceProfile(
        kinds=kinds,
        f0=f0,
        codes=codes,
        log_f0_mean=float(np.mean(log_f0)) if log_f0.size else 0.0,
        log_f0_std=float(np.std(log_f0)) if log_f0.size else 0.0,
        rms=active_rms(signal),
        bandwidth=min(rate, RATE) / 2,
        voiced_mean=_mean(codes[kinds == VOICED]),
        unvoiced_mean=_mean(codes[kinds == UNVOICED]),
    )


def _without_octave_errors(f0: Floats) -> Floats:
    voiced = f0 > 0
    if not voiced.any():
        return f0
    log_f0 = np.log(np.where(voiced, f0, 1.0))
    near = np.abs(log_f0 - np.median(log_f0[voiced])) <= OCTAVE_ERROR
    return np.where(voiced & near, f0, 0.0)


def _mean(codes: Floats) -> Floats:
    return np.mean(codes, axis=0) if len(codes) else np.zeros(CODES)
