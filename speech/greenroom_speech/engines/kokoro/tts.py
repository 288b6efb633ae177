"""The engine ``kokoro`` of the model ``tts``.

It says English and Mandarin with a voice of its own or in that of a reference, phrase by phrase;
other languages are said by the embedded engine, which also makes the edits. The same request gives
the same samples, whatever its ``SEED``: nothing here is drawn by chance.
"""

import os
from collections.abc import Callable, Generator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import cast

import numpy as np
from platformdirs import user_cache_path

from greenroom.errors import InvalidInput
from greenroom.managed.engine import Memory, Tensors
from greenroom.managed.result_cache import ResultCache, digest
from greenroom_speech.engines.embedded.edit_speed import prosody_of
from greenroom_speech.engines.embedded.edits import edit_of
from greenroom_speech.engines.embedded.languages import guess, language_of
from greenroom_speech.engines.embedded.loudness import active_rms
from greenroom_speech.engines.embedded.spoken import (
    PROMPT,
    Spoken,
    check_length,
    check_voiced,
    finished,
    recorded,
    unspeakable,
)
from greenroom_speech.engines.embedded.tts import EmbeddedTts
from greenroom_speech.engines.embedded.world import RATE, Floats
from greenroom_speech.engines.heap import give_back
from greenroom_speech.engines.kokoro import english
from greenroom_speech.engines.kokoro.cloning import BASE_TEXTS, CloneManner, converted, making
from greenroom_speech.engines.kokoro.embedder import Embedder
from greenroom_speech.engines.kokoro.hibari_voice import HibariVoice
from greenroom_speech.engines.kokoro.mandarin import Mandarin
from greenroom_speech.engines.kokoro.network import Kokoro
from greenroom_speech.engines.kokoro.phrases import Phrase, phrases
from greenroom_speech.engines.kokoro.speaker_features import (
    SpeakerFeatures,
    embedded_features,
    speaker_of,
)
from greenroom_speech.engines.kokoro.speaking import Delivery, say
from greenroom_speech.engines.kokoro.voices import HIBARI, SPOKEN, blend_of, is_british
from greenroom_speech.engines.speaking import SpeakingEngine, SpeakingRow
from greenroom_speech.engines.tasks import CLONE, Order, TaskStep, order_of
from greenroom_speech.engines.text_input import UNSPEAKABLE, bounded, word
from greenroom_speech.settings import EngineSettings

OWN_RMS = 0.08
"""Loudness of the engine's own voices."""
SPEEDS = (0.5, 2.0)


class KokoroTts(SpeakingEngine):
    """Says ``TEXT`` with ``VOICE`` or in the voice of the prompt, or edits ``AUDIO``; 24 kHz."""

    name = "kokoro"

    def __init__(self, settings: EngineSettings) -> None:
        """SetupError names the package that is missing or is not what it was."""
        super().__init__()
        self._settings = settings
        threads = min(os.cpu_count() or 1, settings.tts_threads)
        self._network = Kokoro(settings.models, threads)
        self._embedder = Embedder(settings.models)
        self._mandarin = Mandarin(_private_folder(settings))
        self.cache: ResultCache[CloneManner] = ResultCache(
            settings.cache_bytes, lambda manner: manner.bytes
        )

    def prime(self) -> None:
        """Say a few words, so that the first request finds everything in memory."""
        for part in self._phrases("Good evening.", "en"):
            say(self._network, part, Delivery({"af_heart": 1.0}))
            self._hibari.say(part, 1.0)

    def offload(self) -> None:
        """Give up the networks' sessions; what was learnt of speakers stays."""
        self._network.unload()
        self.__dict__.pop("_hibari", None)

    def restore(self) -> None:
        self._network.load()

    def memory(self) -> Memory:
        return Memory(device_bytes=self._network.bytes)

    def close(self) -> None:
        if "_others" in self.__dict__:
            self._others.close()

    def begin(self, request: Tensors, whole: bool) -> SpeakingRow:
        """A row of ``WAVEFORM``, float32, and ``WAVEFORM_RATE``, 24000. Raises InvalidInput."""
        order = order_of(request, self._settings, own_voices=True)
        if order.steps[0].task != CLONE:
            samples = recorded(request, order, self._settings)
            edits = [edit_of(step) for step in order.steps]
            return SpeakingRow(finished(iter([(samples, True)]), edits, active_rms(samples)), RATE)
        language = language_of(order.text or "", order.language).code
        speed, steps = _speed(order)
        edits = [edit_of(step) for step in steps]
        warning = self._warning(order.text or "") if language == "zh" else ""
        if order.voice is not None:
            spoken = self._with_own_voice(order, language, speed)
            return SpeakingRow(finished(spoken, edits, OWN_RMS), RATE, warning)
        speaker = speaker_of(request)
        check_voiced(speaker.profile)
        if language not in SPOKEN:
            return self._others.begin(embedded_features(request), whole)
        spoken = self._cloned(order, request, speaker, language)
        return SpeakingRow(finished(spoken, edits, speaker.profile.rms), RATE, warning)

    def end(self, row: SpeakingRow) -> None:
        """A row holds nothing but itself, but its work has left holes in the heap."""
        give_back()

    @cached_property
    def _others(self) -> EmbeddedTts:
        """Speaks all other languages."""
        return EmbeddedTts(self._settings)

    @cached_property
    def _hibari(self) -> HibariVoice:
        return HibariVoice()

    def _with_own_voice(self, order: Order, language: str, speed: float) -> Spoken:
        text, shares = order.text or "", blend_of(order.voice or "")
        spoken = ("en",) if HIBARI in shares else SPOKEN
        if language not in spoken:
            raise InvalidInput(
                f"TEXT is in {language!r}; VOICE {order.voice!r} speaks {' and '.join(spoken)}, so "
                f"{UNSPEAKABLE}. For other languages give a reference instead of a VOICE."
            )
        parts = self._phrases(text, language, is_british(shares))
        if HIBARI in shares:
            return self._said(parts, lambda part: whole(self._hibari.say(part, speed)))
        delivery = Delivery(shares, speed=speed)
        return self._said(parts, lambda part: whole(say(self._network, part, delivery)[0]))

    def _cloned(
        self, order: Order, request: Tensors, speaker: SpeakerFeatures, language: str
    ) -> Spoken:
        """In the voice of the prompt; what is learnt of it first is kept."""
        parts = self._phrases(order.text or "", language)
        transcript = bounded("TRANSCRIPT", word(request, "TRANSCRIPT") or "", self._settings)
        key = digest(*(request[name] for name in PROMPT), transcript, language)
        return self._in_manner(key, speaker, transcript, parts, language, _speed(order)[0])

    def _in_manner(
        self,
        key: bytes,
        speaker: SpeakerFeatures,
        transcript: str,
        parts: list[Phrase],
        language: str,
        speed: float,
    ) -> Spoken:
        manner = yield from self._manner(key, speaker, transcript, language)
        speed = bounded_speed(manner.delivery.speed * speed)
        delivery = replace(manner.delivery, speed=speed)

        def sound(part: Phrase) -> Spoken:
            wave, _ = say(self._network, part, delivery)
            if manner.fit is None or not wave.size:
                return whole(wave)
            return converted(wave, speaker.profile, manner.fit)

        yield from self._said(parts, sound)

    def _manner(
        self, key: bytes, speaker: SpeakerFeatures, transcript: str, language: str
    ) -> Generator[tuple[Floats, bool], None, CloneManner]:
        made: CloneManner | None = None
        if key not in self.cache:
            known = guess(transcript) == language
            words = self._phonemes(transcript, language) if known else ""
            base = Phrase(self._phonemes(BASE_TEXTS[language], language), 0.0)
            made = yield from making(self._network, self._embedder, speaker, base, words)
        return self.cache.get(key, lambda: cast(CloneManner, made))

    def _said(self, parts: list[Phrase], sound: Callable[[Phrase], Spoken]) -> Spoken:
        """The sounds of phrases, with the pauses between them."""
        spoken = 0
        for place, part in enumerate(parts, 1):
            for wave, ended in sound(part):
                spoken += wave.size
                check_length(spoken, self._settings)
                last = place == len(parts)
                pause = np.zeros(round(part.pause * RATE) if ended and not last else 0)
                yield np.concatenate([wave, pause]), ended and last

    def _phrases(self, text: str, language: str, british: bool = False) -> list[Phrase]:
        """InvalidInput for a text in which nothing can be said."""
        cut = phrases(self._phonemes(text, language, british))
        if not cut:
            raise unspeakable(text, language)
        return cut

    def _warning(self, text: str) -> str:
        silent = self._mandarin.silent(text)
        return f"{silent[:40]!r} was left out: {UNSPEAKABLE}." if silent else ""

    def _phonemes(self, text: str, language: str, british: bool = False) -> str:
        if language == "zh":
            return self._mandarin.phonemes(text)
        return english.phonemes(text, british)


def whole(wave: Floats) -> Spoken:
    """A phrase that is ready at once."""
    yield wave, True


def bounded_speed(speed: float) -> float:
    """Within what the networks can speak."""
    return min(max(speed, SPEEDS[0]), SPEEDS[1])


def _speed(order: Order) -> tuple[float, tuple[TaskStep, ...]]:
    """The speed that is asked for right after the clone, and the steps that are left."""
    speed, steps = 1.0, order.steps[1:]
    while steps and steps[0].task == "speed":
        speed *= prosody_of(steps[0].info).pace
        steps = steps[1:]
    return bounded_speed(speed), steps


def _private_folder(settings: EngineSettings) -> Path:
    """For what must not be written by others: below the runtime folder where there is one."""
    runtime = os.environ.get("GREENROOM_RUNTIME_DIR")
    return Path(runtime or settings.cache_dir or user_cache_path("greenroom")) / "jieba"
