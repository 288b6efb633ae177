"""The synthetic voices that new text is spoken with before it is adapted to a speaker."""

from dataclasses import dataclass

import numpy as np
import soxr

from greenroom_speech.engines.embedded import flite
from greenroom_speech.engines.embedded.espeak import Espeak
from greenroom_speech.engines.embedded.languages import Language
from greenroom_speech.engines.embedded.loudness import FRAME, active_frames, frame_rms
from greenroom_speech.engines.embedded.speakable import pieces
from greenroom_speech.engines.embedded.world import RATE, Floats

EDGE_FRAMES = 10
_ESPEAK_VARIANTS = ("", "+m7", "+f2", "+f3")


@dataclass(frozen=True)
class BaseVoice:
    """A voice of one of the synthesizers."""

    synthesizer: str
    """``flite`` or ``espeak``."""
    name: str


class Speaker:
    """Says text with any base voice; owns the espeak-ng program."""

    def __init__(self) -> None:
        self._espeak = Espeak()

    def voices(self, language: Language) -> tuple[BaseVoice, ...]:
        """Candidates: Flite's for English where it is installed, espeak-ng's otherwise."""
        if language.code == "en" and flite.available():
            return tuple(BaseVoice("flite", name) for name in flite.VOICES)
        return tuple(BaseVoice("espeak", language.espeak + tail) for tail in _ESPEAK_VARIANTS)

    def say(self, text: str, voice: BaseVoice, stretch: float = 1.0) -> list[Floats]:
        """Each sentence spoken, 24 kHz mono, without the silence around it.

        ``stretch`` multiplies the durations. Empty where the text has nothing to say.
        """
        spoken = (self.sentence(piece, voice, stretch) for piece in pieces(text))
        return [samples for samples in spoken if samples.size]

    def sentence(self, text: str, voice: BaseVoice, stretch: float = 1.0) -> Floats:
        """One of the ``pieces`` of a text, as above."""
        return _trimmed(self._speak(text, voice, stretch))

    def close(self) -> None:
        self._espeak.close()

    def _speak(self, text: str, voice: BaseVoice, stretch: float) -> Floats:
        if voice.synthesizer == "flite":
            samples, rate = flite.speak(text, voice.name, stretch), flite.RATE
        else:
            samples, rate = self._espeak.speak(text, voice.name, stretch)
        if not samples.size:
            return np.zeros(0)
        moved: Floats = soxr.resample(samples.astype(np.float64), rate, RATE)
        return moved


def _trimmed(samples: Floats) -> Floats:
    active = np.flatnonzero(active_frames(frame_rms(samples)))
    if not active.size:
        return np.zeros(0)
    low, high = active[0] - EDGE_FRAMES, active[-1] + EDGE_FRAMES
    return samples[max(low * FRAME, 0) : high * FRAME]
