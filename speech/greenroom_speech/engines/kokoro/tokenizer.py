"""The engine ``kokoro`` of the model ``tokenizer``."""

import numpy as np

from greenroom.managed.engine import HostEngine, Tensors
from greenroom.managed.result_cache import ResultCache, digest, tensor_bytes
from greenroom_speech.engines.audio_input import Samples, recording
from greenroom_speech.engines.embedded.tokenizer import EmbeddedTokenizer, profile
from greenroom_speech.engines.kokoro.embedder import RATE, Embedder
from greenroom_speech.engines.kokoro.package_files import EMBEDDER
from greenroom_speech.engines.kokoro.speaker_features import SpeakerFeatures
from greenroom_speech.settings import EngineSettings


class KokoroTokenizer(HostEngine):
    """Turns ``AUDIO`` into the prompt tensors laid out in ``speaker_features``."""

    name = "kokoro"
    version = f"{EmbeddedTokenizer.version} {EMBEDDER.sha256}"

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._embedder = Embedder(settings.models)
        self.cache: ResultCache[Tensors] = ResultCache(settings.cache_bytes, tensor_bytes)

    def prime(self) -> None:
        """Analyse a moment of a tone, so that the first request finds the code in memory."""
        tone = 0.3 * np.sin(2 * np.pi * 150 * np.arange(RATE // 2) / RATE)
        self._speaker(tone.astype(np.float32), RATE)

    def answer(self, request: Tensors) -> Tensors:
        """``PROMPT_TOKENS``, ``SPEECH_FEATURES`` and ``SPEAKER_EMBEDDING``: a speaker."""
        samples, rate = recording(request, self._settings, self._settings.max_edit_seconds)
        key = digest(self.name, self.version, samples, str(rate))
        return self.cache.get(key, lambda: self._speaker(samples, rate).tensors())

    def _speaker(self, samples: Samples, rate: int) -> SpeakerFeatures:
        return SpeakerFeatures(profile(samples, rate), self._embedder.embedding(samples, rate))
