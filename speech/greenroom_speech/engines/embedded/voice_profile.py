"""A speaker's voice as the tensors between tokenizer and tts. The layout is defined here.

========================  ===================  =============================================
tensor                    shape                content, one row per 5 ms frame
========================  ===================  =============================================
``PROMPT_TOKENS``         (frames,) INT32      0 silent, 1 unvoiced, 2 voiced
``SPEECH_FEATURES``       (frames, 61) FP32    F0 in Hz (0 unvoiced), then 60 coefficients of
                                               the log spectral envelope (WORLD's mel-scaled
                                               cosine code at 24 kHz)
``SPEAKER_EMBEDDING``     (124,) FP32          mean and deviation of ln F0, RMS of the speech,
                                               bandwidth in Hz, then the mean codes of voiced
                                               and of unvoiced frames, 60 each
========================  ===================  =============================================
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyworld

from greenroom.errors import InvalidInput
from greenroom.managed.engine import Tensors
from greenroom_speech.engines.embedded.world import FFT, RATE, Floats

CODES = 60
SILENT, UNVOICED, VOICED = 0, 1, 2
FEATURES = 1 + CODES
EMBEDDING = 4 + 2 * CODES


@dataclass(frozen=True)
class VoiceProfile:
    """What is known of a speaker from one recording."""

    kinds: npt.NDArray[np.int32]
    """Per frame: SILENT, UNVOICED or VOICED."""
    f0: Floats
    """Hz per frame, 0 unvoiced."""
    codes: Floats
    """Coded log envelopes, shape (frames, 60)."""
    log_f0_mean: float
    log_f0_std: float
    rms: float
    """Root mean square of the frames that are not silent."""
    bandwidth: float
    """Hz up to which the recording has content."""
    voiced_mean: Floats
    unvoiced_mean: Floats
    """Mean codes, shape (60,)."""

    def tensors(self) -> Tensors:
        """In the layout above."""
        features = np.column_stack([self.f0, self.codes])
        speaker = np.concatenate(
            [
                [self.log_f0_mean, self.log_f0_std, self.rms, self.bandwidth],
                self.voiced_mean,
                self.unvoiced_mean,
            ]
        )
        return {
            "PROMPT_TOKENS": self.kinds.astype(np.int32),
            "SPEECH_FEATURES": features.astype(np.float32),
            "SPEAKER_EMBEDDING": speaker.astype(np.float32),
        }


def profile_of(tensors: Tensors) -> VoiceProfile:
    """The reverse of `tensors`; InvalidInput when they are not of this layout."""
    kinds, features, speaker = (
        tensors[name] for name in ("PROMPT_TOKENS", "SPEECH_FEATURES", "SPEAKER_EMBEDDING")
    )
    _check("SPEECH_FEATURES", features.shape, (kinds.size, FEATURES))
    _check("SPEAKER_EMBEDDING", speaker.shape, (EMBEDDING,))
    if not (np.isfinite(features).all() and np.isfinite(speaker).all()):
        raise InvalidInput("SPEECH_FEATURES and SPEAKER_EMBEDDING must hold finite numbers only.")
    features, speaker = features.astype(np.float64), speaker.astype(np.float64)
    mean, std, rms, bandwidth = (float(value) for value in speaker[:4])
    return VoiceProfile(
        kinds=kinds.astype(np.int32),
        f0=features[:, 0],
        codes=features[:, 1:],
        log_f0_mean=mean,
        log_f0_std=std,
        rms=rms,
        bandwidth=bandwidth,
        voiced_mean=speaker[4 : 4 + CODES],
        unvoiced_mean=speaker[4 + CODES :],
    )


def encode(power: Floats) -> Floats:
    """Codes (frames, 60) of power envelopes (frames, 513)."""
    codes: Floats = pyworld.code_spectral_envelope(np.ascontiguousarray(power), RATE, CODES)
    return codes


def decode(codes: Floats) -> Floats:
    """Power envelopes (frames, 513) of codes (frames, 60)."""
    power: Floats = pyworld.decode_spectral_envelope(np.ascontiguousarray(codes), RATE, FFT)
    return power


def _check(name: str, shape: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    if shape != wanted:
        raise InvalidInput(
            f"{name} has shape {shape}; the embedded engine's own tokenizer gives {wanted}, "
            "so take all three prompt tensors from one answer of it."
        )
