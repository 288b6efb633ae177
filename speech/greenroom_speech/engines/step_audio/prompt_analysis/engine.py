"""The engine ``step-audio`` of the model ``tokenizer``."""

import math

import torch
from torch import Tensor

from greenroom.managed.arena import ArenaEngine
from greenroom.managed.engine import Tensors
from greenroom.managed.result_cache import ResultCache, digest, tensor_bytes
from greenroom_speech.engines.audio_input import recording
from greenroom_speech.engines.step_audio.prompt_analysis import speech_features as wide_mel
from greenroom_speech.engines.step_audio.prompt_analysis.interleave import interleaved
from greenroom_speech.engines.step_audio.prompt_analysis.linguistic_encoder import LinguisticEncoder
from greenroom_speech.engines.step_audio.prompt_analysis.linguistic_front_end import (
    Normalisation,
    linguistic_features,
)
from greenroom_speech.engines.step_audio.prompt_analysis.preprocessing import (
    RATE,
    limited,
    normalised,
    trimmed,
)
from greenroom_speech.engines.step_audio.prompt_analysis.resampling import resampled
from greenroom_speech.engines.step_audio.prompt_analysis.semantic_codes import semantic_codes
from greenroom_speech.engines.step_audio.prompt_analysis.semantic_network import SemanticNetwork
from greenroom_speech.engines.step_audio.prompt_analysis.semantic_weights import semantic_weights
from greenroom_speech.engines.step_audio.prompt_analysis.speaker_embedding import SpeakerNetwork
from greenroom_speech.engines.step_audio.prompt_analysis.weights import PromptFiles
from greenroom_speech.settings import EngineSettings

MIN_SECONDS = 0.1
"""Shorter prompts have too few frames for a speaker; the settings may be stricter. How long one may
be depends on what is done with it: tts looks at that."""


class StepAudioTokenizer(ArenaEngine):
    """Turns ``AUDIO`` into the prompt tensors of Step-Audio-EditX.

    ``PROMPT_TOKENS`` are ids of the language model, ``SPEECH_FEATURES`` (frames, 80) at 50 Hz and
    ``SPEAKER_EMBEDDING`` (192,), the latter two with the values of bfloat16, as the checkpoints
    were trained and are used upstream. Every sample rate of the contract is taken: lower ones than
    16 kHz are resampled up.
    """

    name = "step-audio"
    version = "1"

    def __init__(self, settings: EngineSettings) -> None:
        """Read the checkpoints; SetupError names what is missing or does not fit."""
        shortest = max(settings.min_audio_seconds, MIN_SECONDS)
        self._settings = settings.model_copy(update={"min_audio_seconds": shortest})
        self.cache: ResultCache[Tensors] = ResultCache(settings.cache_bytes, tensor_bytes)
        self._files = PromptFiles(settings.models)
        self._identity = self._files.identity()
        self._normalisation = Normalisation.read(self._files.normalisation)
        self._speaker = SpeakerNetwork(self._files.speaker)
        shape, self._semantic_weights = semantic_weights(self._files.semantic)
        with torch.device("meta"):
            self._linguistic = LinguisticEncoder(self._files.encoder_settings())
            self._semantic = SemanticNetwork(shape)
        # cuDNN would round a convolution's input to 10 bits (TF32), enough to change codes.
        torch.backends.cudnn.allow_tf32 = False
        super().__init__([self._linguistic, self._semantic])

    def load(self) -> None:
        """Read the two networks' weights into the arena."""
        self.arena.read(self._linguistic, self._files.linguistic_state())
        self.arena.read(self._semantic, self._semantic_weights)
        del self._semantic_weights

    def prime(self) -> None:
        """Analyse a second of a tone, so that the first request finds everything in memory."""
        self._analysed(0.3 * torch.sin(2 * math.pi * 150 * torch.arange(RATE) / RATE), RATE)

    def answer(self, request: Tensors) -> Tensors:
        """PROMPT_TOKENS (n,), SPEECH_FEATURES (frames, 80) and SPEAKER_EMBEDDING (192,)."""
        samples, rate = recording(request, self._settings, self._settings.max_edit_seconds)
        key = digest(self.name, self.version, self._identity, samples, str(rate))
        return self.cache.get(key, lambda: self._analysed(torch.tensor(samples), rate))

    def _analysed(self, samples: Tensor, rate: int) -> Tensors:
        wave = limited(samples)
        narrow, wide = resampled(wave, rate, RATE), resampled(wave, rate, wide_mel.RATE)
        features = wide_mel.speech_features(wide).bfloat16().float()
        embedding = self._speaker.embedding(narrow).bfloat16().float()
        return {
            "PROMPT_TOKENS": self._ids(trimmed(normalised(narrow))).numpy(),
            "SPEECH_FEATURES": features.numpy(),
            "SPEAKER_EMBEDDING": embedding.numpy(),
        }

    def _ids(self, speech: Tensor) -> Tensor:
        device = self.arena.device
        stacked = linguistic_features(speech, self._normalisation)
        linguistic = self._linguistic(stacked.to(device)).cpu()
        semantic = semantic_codes(speech, lambda mel: self._semantic(mel.to(device)))
        return interleaved(linguistic, semantic)
