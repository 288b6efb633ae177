"""What recognisers of English alone have in common."""

from greenroom.errors import InvalidInput
from greenroom.managed.engine import HostEngine, Tensors, text
from greenroom.managed.result_cache import ResultCache, digest, tensor_bytes
from greenroom_speech.engines.audio_input import Samples, asr_recording
from greenroom_speech.engines.listening_task import TRANSLATE, listening_task, no_translation
from greenroom_speech.engines.times import Heard, time_tensors, wants_times
from greenroom_speech.settings import EngineSettings


class EnglishAsr(HostEngine):
    """Transcribes ``AUDIO``, or hands a given ``TRANSCRIPT`` through without listening."""

    version: str
    """Of the recogniser and its model; results of another one are not taken for its own."""

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self.cache: ResultCache[Tensors] = ResultCache(settings.cache_bytes, tensor_bytes)

    def hear(self, samples: Samples, rate: int, timed: bool) -> Heard:
        """The English words heard in mono float samples; `timed`: and when."""
        raise NotImplementedError

    def answer(self, request: Tensors) -> Tensors:
        """``TRANSCRIPT`` and ``AUDIO_LANGUAGE`` ("" where it is not known), times on request.

        Raises InvalidInput for another language than English without a transcript, and for a
        translation.
        """
        language = str(request["AUDIO_LANGUAGE"][0]) if "AUDIO_LANGUAGE" in request else ""
        samples, rate = asr_recording(request, self._settings)
        if "TRANSCRIPT" in request:
            return {"TRANSCRIPT": request["TRANSCRIPT"], "AUDIO_LANGUAGE": text(language)}
        if language and not is_english(language):
            raise InvalidInput(
                f"AUDIO_LANGUAGE is {language[:40]!r}; the engine {self.name} recognises English "
                "only (en); give the TRANSCRIPT of a recording in another language."
            )
        if listening_task(request) == TRANSLATE:
            raise no_translation(f"the engine {self.name}")
        timed = wants_times(request)
        key = digest(self.name, self.version, samples, str(rate), str(timed))
        return self.cache.get(key, lambda: self._recognised(samples, rate, timed))

    def _recognised(self, samples: Samples, rate: int, timed: bool) -> Tensors:
        heard = self.hear(samples, rate, timed)
        times = time_tensors(heard.words, len(samples) / rate) if timed else {}
        return {"TRANSCRIPT": text(heard.text), "AUDIO_LANGUAGE": text("en"), **times}


def is_english(language: str) -> bool:
    """By its code, whatever the country, or its name."""
    return language.strip().lower().replace("_", "-").split("-")[0] in ("en", "english")
