"""The engine ``faster-whisper`` of the model ``asr``: Whisper on CTranslate2."""

import numpy as np

from greenroom.errors import InvalidInput
from greenroom.managed.engine import Memory, OneByOne, Tensors, text
from greenroom.managed.result_cache import ResultCache, digest, tensor_bytes
from greenroom.managed.wanted import stop_if_unwanted
from greenroom_speech.engines.audio_input import Samples, asr_recording
from greenroom_speech.engines.embedded.languages import code_of
from greenroom_speech.engines.faster_whisper import weights
from greenroom_speech.engines.faster_whisper.network import CTranslate2Model
from greenroom_speech.engines.listening_task import (
    TRANSLATE,
    ListeningRequest,
    listening_task,
    no_translation,
)
from greenroom_speech.engines.resampling import resampled
from greenroom_speech.engines.text_input import word
from greenroom_speech.engines.times import Timed, from_sound, time_tensors, wants_times
from greenroom_speech.settings import EngineSettings

RATE = 16_000
TEMPERATURES = [0.0, 0.4, 0.8]
"""Of the attempts at a window, as the engine whisper has them."""
WINDOW_SECONDS = 30
TOKENS_AT_LEAST, TOKENS_PER_SECOND, MOST_TOKENS = 24, 30, 224
"""Bound of a window's tokens; no language has more of them."""


class FasterWhisperAsr(OneByOne):
    """Transcribes ``AUDIO``, or hands a given ``TRANSCRIPT`` through without listening."""

    name = "faster-whisper"

    def __init__(self, settings: EngineSettings) -> None:
        """Read the configured model; SetupError says what is wrong with it."""
        self._settings = settings
        self.cache: ResultCache[Tensors] = ResultCache(settings.cache_bytes, tensor_bytes)
        folder = weights.located(settings)
        self._identity = weights.identity(folder)
        self._network = CTranslate2Model(folder, settings.asr_device, settings.asr_compute_type)
        self._model = self._network.model

    def prime(self) -> None:
        """Listen to a second of silence, so that the first request finds everything ready."""
        self._listen(np.zeros(RATE, np.float32), ListeningRequest("en", "", "transcribe", False))

    def offload(self) -> None:
        self._network.leave()

    def restore(self) -> None:
        self._network.come_back()

    def memory(self) -> Memory:
        network = self._network
        return Memory(device_bytes=network.device_bytes, host_bytes=network.host_bytes)

    def close(self) -> None:
        """Nothing was started."""

    def answer(self, request: Tensors) -> Tensors:
        """``TRANSCRIPT``, ``AUDIO_LANGUAGE`` (Whisper's code, "" if not known), times on request.

        Raises InvalidInput for another language than the checkpoint's.
        """
        given = word(request, "AUDIO_LANGUAGE") or ""
        samples, rate = asr_recording(request, self._settings)
        if "TRANSCRIPT" in request:
            return {"TRANSCRIPT": request["TRANSCRIPT"], "AUDIO_LANGUAGE": text(given)}
        prompt, timed = word(request, "PROMPT") or "", wants_times(request)
        asked = ListeningRequest(self._code(given), prompt, listening_task(request), timed)
        if asked.task == TRANSLATE and not self._model.model.is_multilingual:
            raise no_translation(f"Whisper's model {self._settings.whisper_model}")
        key = digest(self.name, self._identity, samples, str(rate), str(asked))
        return self.cache.get(key, lambda: self._heard(samples, rate, asked))

    def _heard(self, samples: Samples, rate: int, asked: ListeningRequest) -> Tensors:
        sound = resampled(samples, rate, RATE)
        said, language, words = self._listen(sound, asked)
        known = language if said or asked.language else ""
        words = from_sound(words, sound, RATE)
        times = time_tensors(words, len(samples) / rate) if asked.timed else {}
        return {"TRANSCRIPT": text(said), "AUDIO_LANGUAGE": text(known), **times}

    def _listen(self, samples: Samples, asked: ListeningRequest) -> tuple[str, str, list[Timed]]:
        seconds = len(samples) / RATE
        found, about = self._model.transcribe(
            samples,
            language=asked.language,
            task=asked.task,
            beam_size=1,
            temperature=TEMPERATURES,
            condition_on_previous_text=False,
            initial_prompt=asked.prompt or None,
            word_timestamps=asked.timed,
            # With them it knows where to go on, which one window has no need of.
            without_timestamps=seconds <= WINDOW_SECONDS and not asked.timed,
            max_new_tokens=min(TOKENS_AT_LEAST + int(TOKENS_PER_SECOND * seconds), MOST_TOKENS),
        )
        texts: list[str] = []
        words: list[Timed] = []
        for segment in found:
            stop_if_unwanted()
            texts.append(segment.text)
            words += [Timed(one.word, one.start, one.end) for one in segment.words or ()]
        return "".join(texts).strip(), about.language, words

    def _code(self, given: str) -> str | None:
        if not given.strip():
            return None
        known = self._model.supported_languages
        primary = given.strip().lower().replace("_", "-").split("-")[0]
        for code in (primary, code_of(given)):
            if code in known:
                return code
        raise InvalidInput(
            f"AUDIO_LANGUAGE is {given[:40]!r}; it must be one of {', '.join(known)}, or absent."
        )
