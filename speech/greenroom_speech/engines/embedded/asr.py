"""English speech recognition by PocketSphinx, whose model is inside its package.

BSD licence, US English only, no punctuation and no upper case. On clean close speech it gets
5 to 10 % of the words wrong, on noisy or reverberant speech a third or more.
"""

import numpy as np
from pocketsphinx import Decoder

from greenroom.errors import InvalidInput
from greenroom.managed.engine import HostEngine, Tensors, text
from greenroom.managed.result_cache import ResultCache, digest, tensor_bytes
from greenroom_speech.engines.audio_input import Samples, recording, resampled
from greenroom_speech.engines.embedded.languages import is_english
from greenroom_speech.settings import EngineSettings

RATE = 16_000
PEAK = 0.7
"""The acoustic model was trained on speech of about this level."""


class EmbeddedAsr(HostEngine):
    """Transcribes ``AUDIO``, or hands a given ``TRANSCRIPT`` through without listening."""

    name = "embedded"
    version = "pocketsphinx-en-us-1"

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self.cache: ResultCache[Tensors] = ResultCache(settings.cache_bytes, tensor_bytes)
        self._decoder = Decoder(samprate=RATE, loglevel="FATAL")

    def prime(self) -> None:
        """Decode a moment of noise, so that the first request finds the model in memory."""
        noise = np.random.default_rng(0).normal(scale=0.05, size=RATE // 2)
        self.transcribe(noise.astype(np.float32), RATE)

    def answer(self, request: Tensors) -> Tensors:
        """``TRANSCRIPT`` and ``AUDIO_LANGUAGE`` ("" where it is not known).

        Raises InvalidInput for another language than English without a transcript.
        """
        language = str(request["AUDIO_LANGUAGE"][0]) if "AUDIO_LANGUAGE" in request else ""
        samples, rate = recording(request, self._settings)
        if "TRANSCRIPT" in request:
            return {"TRANSCRIPT": request["TRANSCRIPT"], "AUDIO_LANGUAGE": text(language)}
        if language and not is_english(language):
            raise InvalidInput(
                f"AUDIO_LANGUAGE is {language!r} and TRANSCRIPT is missing; the embedded engine "
                "recognises English only, so give the TRANSCRIPT of the recording."
            )
        key = digest(self.name, self.version, samples, str(rate))
        return self.cache.get(key, lambda: self._recognised(samples, rate))

    def _recognised(self, samples: Samples, rate: int) -> Tensors:
        return {"TRANSCRIPT": text(self.transcribe(samples, rate)), "AUDIO_LANGUAGE": text("en")}

    def transcribe(self, samples: Samples, rate: int) -> str:
        """The lower-case English words heard in mono float samples; "" for none."""
        heard = resampled(samples, rate, RATE)
        heard = heard * (PEAK / max(float(np.max(np.abs(heard))), 1e-9))
        self._decoder.start_utt()
        self._decoder.process_raw((heard * 32767).astype(np.int16).tobytes(), full_utt=True)
        self._decoder.end_utt()
        hypothesis = self._decoder.hyp()
        return str(hypothesis.hypstr) if hypothesis else ""
