"""English speech recognition by PocketSphinx, whose model is inside its package.

BSD licence, US English only, no punctuation and no upper case. On clean close speech it gets
5 to 10 % of the words wrong, on noisy or reverberant speech a third or more.
"""

import numpy as np
from pocketsphinx import Decoder

from greenroom_speech.engines.audio_input import Samples
from greenroom_speech.engines.embedded.sphinx import RATE, decode, decoded_words
from greenroom_speech.engines.english_asr import EnglishAsr
from greenroom_speech.engines.resampling import resampled
from greenroom_speech.engines.times import Heard
from greenroom_speech.settings import EngineSettings


class EmbeddedAsr(EnglishAsr):
    """The words come in lower case."""

    name = "embedded"
    version = "pocketsphinx-en-us-1"

    def __init__(self, settings: EngineSettings) -> None:
        super().__init__(settings)
        self._decoder = Decoder(samprate=RATE, loglevel="FATAL")

    def prime(self) -> None:
        """Decode a moment of noise, so that the first request finds the model in memory."""
        noise = np.random.default_rng(0).normal(scale=0.05, size=RATE // 2)
        self.hear(noise.astype(np.float32), RATE, timed=False)

    def hear(self, samples: Samples, rate: int, timed: bool) -> Heard:
        decode(self._decoder, resampled(samples, rate, RATE))
        hypothesis = self._decoder.hyp()
        if hypothesis is None:
            return Heard("")
        return Heard(str(hypothesis.hypstr), decoded_words(self._decoder) if timed else ())
