"""Voice cloning and speech editing without weights.

Flite or espeak-ng says the text and WORLD moves its pitch, formants and spectra to the
speaker's; edits are signal processing. The same request gives the same samples, whatever its
``SEED``: nothing here is drawn by chance.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from greenroom.errors import InvalidInput
from greenroom.managed.engine import HostEngine, Tensors
from greenroom.managed.result_cache import ResultCache, digest
from greenroom_speech.engines.audio_input import recording, resampled
from greenroom_speech.engines.embedded.base_analysis import Frames, measured
from greenroom_speech.engines.embedded.base_store import BaseStore
from greenroom_speech.engines.embedded.base_texts import BASE_TEXTS
from greenroom_speech.engines.embedded.base_voice import BaseVoice, Speaker
from greenroom_speech.engines.embedded.edits import edit_of
from greenroom_speech.engines.embedded.languages import Language, language_of
from greenroom_speech.engines.embedded.loudness import active_rms, levelled
from greenroom_speech.engines.embedded.pace import stretch_for
from greenroom_speech.engines.embedded.voice_convert import adapted
from greenroom_speech.engines.embedded.voice_fit import VoiceFit, fitted
from greenroom_speech.engines.embedded.voice_profile import VOICED, VoiceProfile, profile_of
from greenroom_speech.engines.embedded.world import FRAMES_PER_SECOND, RATE, Floats
from greenroom_speech.engines.tasks import CLONE, Order, order_of
from greenroom_speech.engines.text_input import bounded, word
from greenroom_speech.settings import EngineSettings

PAUSE = np.zeros(RATE // 4)
"""Between sentences."""
PROMPT = ("PROMPT_TOKENS", "SPEECH_FEATURES", "SPEAKER_EMBEDDING")
LEAST_VOICED_SECONDS = 0.2


@dataclass(frozen=True)
class Manner:
    """How to speak for one reference in one language."""

    fit: VoiceFit
    stretch: float
    """Factor on the durations of the base voice."""

    @property
    def bytes(self) -> int:
        """Bytes of what belongs to this reference alone; the base is shared."""
        return int(self.fit.pairs.nbytes + sum(row.nbytes for row in self.fit.offset.values()))


class EmbeddedTts(HostEngine):
    """Says ``TEXT`` in the voice of the prompt, or edits ``AUDIO``; 24 kHz."""

    name = "embedded"

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._speaker = Speaker()
        self._store = BaseStore(settings.cache_dir)
        self._bases: dict[str, dict[BaseVoice, Frames]] = {}
        self.cache: ResultCache[Manner] = ResultCache(
            settings.cache_bytes, lambda manner: manner.bytes
        )

    def prime(self) -> None:
        """Measure the English base voices, which is most of a first clone."""
        self._candidates(language_of("", "en"))

    def close(self) -> None:
        self._speaker.close()

    def answer(self, request: Tensors) -> Tensors:
        """``WAVEFORM``, float32, and ``WAVEFORM_RATE``, 24000. Raises InvalidInput."""
        order = order_of(request, self._settings)
        edits = [edit_of(step) for step in order.steps if step.task != CLONE]
        if order.steps[0].task == CLONE:
            samples, rms = self._clone(request, order)
        else:
            samples, rms = self._recorded(request, order)
        for edit in edits:
            samples = edit(samples)
        return {
            "WAVEFORM": levelled(samples, rms),
            "WAVEFORM_RATE": np.array([RATE], dtype=np.int32),
        }

    def _recorded(self, request: Tensors, order: Order) -> tuple[Floats, float]:
        task = order.steps[0].task
        if order.text is not None:
            raise InvalidInput(
                f"TEXT is given but TASK begins with {task!r}, which keeps the words; "
                "put 'clone' first or leave TEXT out."
            )
        for name in ("AUDIO", "SAMPLE_RATE"):
            if name not in request:
                raise InvalidInput(f"input {name} is missing; the task {task!r} edits AUDIO.")
        samples, rate = recording(request, self._settings)
        moved = resampled(samples, rate, RATE).astype(np.float64)
        return moved, active_rms(moved)

    def _clone(self, request: Tensors, order: Order) -> tuple[Floats, float]:
        text = order.text or ""
        profile = profile_of(request)
        _check_voiced(profile)
        transcript = bounded("TRANSCRIPT", word(request, "TRANSCRIPT") or "", self._settings)
        language = language_of(text, order.language)
        key = digest(*(request[name] for name in PROMPT), transcript, language.code)
        manner = self.cache.get(key, lambda: self._manner(profile, transcript, language))
        spoken = self._speaker.say(text, manner.fit.voice, manner.stretch)
        self._check_spoken(spoken, text, language)
        pieces = adapted(spoken, profile, manner.fit)
        joined = [part for piece in pieces for part in (PAUSE, piece)][1:]
        return np.concatenate(joined), profile.rms

    def _manner(self, profile: VoiceProfile, transcript: str, language: Language) -> Manner:
        fit = fitted(profile, self._candidates(language))
        return Manner(fit, stretch_for(profile, transcript, language, fit.voice, self._speaker))

    def _candidates(self, language: Language) -> dict[BaseVoice, Frames]:
        if language.code not in self._bases:
            text = BASE_TEXTS[language.code]
            self._bases[language.code] = {
                voice: self._store.get(voice, text, partial(measured, self._speaker, voice, text))
                for voice in self._speaker.voices(language)
            }
        return self._bases[language.code]

    def _check_spoken(self, spoken: list[Floats], text: str, language: Language) -> None:
        seconds = sum(piece.size for piece in spoken) / RATE
        if seconds == 0:
            raise InvalidInput(
                f"TEXT is {text[:40]!r}; nothing in it can be spoken in {language.code!r}."
            )
        if seconds > self._settings.max_speech_seconds:
            raise InvalidInput(
                f"TEXT takes {seconds:.0f} s to say; "
                f"it may take at most {self._settings.max_speech_seconds:g} s."
            )


def _check_voiced(profile: VoiceProfile) -> None:
    seconds = np.count_nonzero(profile.kinds == VOICED) / FRAMES_PER_SECOND
    if seconds < LEAST_VOICED_SECONDS:
        raise InvalidInput(
            f"AUDIO has {seconds:.2f} s of voiced speech; "
            f"a clone needs at least {LEAST_VOICED_SECONDS:g} s."
        )
