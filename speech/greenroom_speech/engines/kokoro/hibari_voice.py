"""The voice ``hibari``: a small network of the package hibari-tts, English alone."""

import numpy as np
from hibari import Hibari

from greenroom_speech.engines.embedded.world import Floats
from greenroom_speech.engines.kokoro.phrases import Phrase
from greenroom_speech.engines.kokoro.speaking import trimmed


class HibariVoice:
    """Its session is freed with it."""

    def __init__(self) -> None:
        self._network = Hibari()

    def say(self, phrase: Phrase, speed: float) -> Floats:
        """The sound at 24 kHz without the silence around it; the same phrase gives the same."""
        ids = self._network.ids(phrase.phonemes)
        # Its noise is drawn; always the same.
        wave = self._network.from_ids(ids, speed, np.random.default_rng(0))
        return trimmed(wave.astype(np.float64))
