"""The engine ``whisper`` of the model ``asr``."""

import torch

from greenroom.errors import SetupError
from greenroom.managed.arena import ArenaEngine
from greenroom.managed.engine import Tensors, text
from greenroom.managed.result_cache import ResultCache, digest, tensor_bytes
from greenroom_speech.engines.audio_input import Samples, asr_recording
from greenroom_speech.engines.listening_task import (
    TRANSLATE,
    ListeningRequest,
    listening_task,
    no_translation,
)
from greenroom_speech.engines.resampling import resampled
from greenroom_speech.engines.text_input import word
from greenroom_speech.engines.times import from_sound, time_tensors, wants_times
from greenroom_speech.engines.whisper import weights
from greenroom_speech.engines.whisper.language import language_code
from greenroom_speech.engines.whisper.network import network
from greenroom_speech.engines.whisper.windows import RATE, Transcriber
from greenroom_speech.settings import EngineSettings


class WhisperAsr(ArenaEngine):
    """Transcribes ``AUDIO``, or hands a given ``TRANSCRIPT`` through without listening."""

    name = "whisper"

    def __init__(self, settings: EngineSettings) -> None:
        """Read the configured checkpoint; SetupError says what is wrong with it."""
        self._settings = settings
        self.cache: ResultCache[Tensors] = ResultCache(settings.cache_bytes, tensor_bytes)
        found = weights.read(weights.located(settings))
        self._identity, self._state = found.identity, found.state
        device = _device(settings.asr_device)
        dtype = torch.float16 if device == "cuda" else torch.float32
        self._model = network(found.dims, dtype, settings.whisper_model)
        super().__init__(self._model, device)
        self._transcriber = Transcriber(self._model)
        self._languages = self._model.num_languages if self._model.is_multilingual else 1

    def load(self) -> None:
        """Fill the network from the checkpoint, of which nothing stays open."""
        self.arena.read(self._model, self._state)
        self._state = {}

    def prime(self) -> None:
        """Listen to a second of silence, so that the first request finds everything ready."""
        self._transcriber.prime()

    def answer(self, request: Tensors) -> Tensors:
        """``TRANSCRIPT``, ``AUDIO_LANGUAGE`` (Whisper's code, "" if not known), times on request.

        Raises InvalidInput for another language than the checkpoint's.
        """
        given = word(request, "AUDIO_LANGUAGE") or ""
        samples, rate = asr_recording(request, self._settings)
        if "TRANSCRIPT" in request:
            return {"TRANSCRIPT": request["TRANSCRIPT"], "AUDIO_LANGUAGE": text(given)}
        asked = ListeningRequest(
            language_code(given, self._languages),
            word(request, "PROMPT") or "",
            listening_task(request),
            wants_times(request),
        )
        if asked.task == TRANSLATE and not self._model.is_multilingual:
            raise no_translation(f"Whisper's model {self._settings.whisper_model}")
        key = digest(self.name, self._identity, samples, str(rate), str(asked))
        return self.cache.get(key, lambda: self._heard(samples, rate, asked))

    def _heard(self, samples: Samples, rate: int, asked: ListeningRequest) -> Tensors:
        sound = resampled(samples, rate, RATE)
        heard = self._transcriber.listen(
            sound, asked.language, asked.prompt, asked.task, asked.timed
        )
        words = from_sound(heard.words, sound, RATE)
        times = time_tensors(words, len(samples) / rate) if asked.timed else {}
        return {"TRANSCRIPT": text(heard.text), "AUDIO_LANGUAGE": text(heard.language), **times}


def _device(setting: str) -> str:
    usable = torch.cuda.is_available()
    if setting == "cuda" and not usable:
        raise SetupError("GREENROOM_ASR_DEVICE is cuda, but torch finds no GPU that it can use.")
    if setting == "auto":
        return "cuda" if usable else "cpu"
    return setting
