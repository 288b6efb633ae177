"""Voice cloning and speech editing without weights.

Flite or espeak-ng says the text and WORLD moves its pitch, formants and spectra to the
speaker's; edits are signal processing. The same request gives the same samples, whatever its
``SEED``: nothing here is drawn by chance.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from greenroom.managed.engine import Tensors
from greenroom.managed.result_cache import ResultCache, digest
from greenroom_speech.engines.embedded.base_analysis import Frames, measured
from greenroom_speech.engines.embedded.base_store import BaseStore
from greenroom_speech.engines.embedded.base_texts import BASE_TEXTS
from greenroom_speech.engines.embedded.base_voice import BaseVoice, Speaker
from greenroom_speech.engines.embedded.edits import edit_of
from greenroom_speech.engines.embedded.languages import Language, language_of
from greenroom_speech.engines.embedded.loudness import active_rms
from greenroom_speech.engines.embedded.pace import stretch_for
from greenroom_speech.engines.embedded.speakable import pieces
from greenroom_speech.engines.embedded.spoken import (
    NOTHING,
    PROMPT,
    Spoken,
    check_length,
    check_voiced,
    finished,
    recorded,
    unspeakable,
)
from greenroom_speech.engines.embedded.voice_convert import adapted
from greenroom_speech.engines.embedded.voice_fit import VoiceFit, fitted
from greenroom_speech.engines.embedded.voice_pitch import PitchMap
from greenroom_speech.engines.embedded.voice_profile import VoiceProfile, profile_of
from greenroom_speech.engines.embedded.world import RATE
from greenroom_speech.engines.speaking import SpeakingEngine, SpeakingRow
from greenroom_speech.engines.tasks import CLONE, Order, order_of
from greenroom_speech.engines.text_input import bounded, word
from greenroom_speech.settings import EngineSettings

PAUSE = np.zeros(RATE // 4)
"""Between sentences."""


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


class EmbeddedTts(SpeakingEngine):
    """Says ``TEXT`` in the voice of the prompt, or edits ``AUDIO``; 24 kHz."""

    name = "embedded"

    def __init__(self, settings: EngineSettings) -> None:
        super().__init__()
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

    def begin(self, request: Tensors, whole: bool) -> SpeakingRow:
        """A row of ``WAVEFORM``, float32, and ``WAVEFORM_RATE``, 24000. Raises InvalidInput."""
        order = order_of(request, self._settings)
        edits = [edit_of(step) for step in order.steps if step.task != CLONE]
        if order.steps[0].task == CLONE:
            profile = profile_of(request)
            check_voiced(profile)
            rms, spoken = profile.rms, self._cloned(request, order, profile)
        else:
            samples = recorded(request, order, self._settings)
            rms, spoken = active_rms(samples), iter([(samples, True)])
        return SpeakingRow(finished(spoken, edits, rms), RATE)

    def _cloned(self, request: Tensors, order: Order, profile: VoiceProfile) -> Spoken:
        text = order.text or ""
        transcript = bounded("TRANSCRIPT", word(request, "TRANSCRIPT") or "", self._settings)
        language = language_of(text, order.language)
        key = digest(*(request[name] for name in PROMPT), transcript, language.code)
        manner = partial(self._manner, profile, transcript, language)
        return self._said(text, language, profile, partial(self.cache.get, key, manner))

    def _said(
        self, text: str, language: Language, profile: VoiceProfile, manner_of: Callable[[], Manner]
    ) -> Spoken:
        manner = manner_of()
        contour = PitchMap(manner.fit.base.f0, profile)
        yield NOTHING, False
        spoken = 0
        sentences = deque(part for part in pieces(text) if any(map(str.isalnum, part)))
        while sentences:
            base = self._speaker.sentence(sentences.popleft(), manner.fit.voice, manner.stretch)
            if not base.size:
                continue
            pause, first = (PAUSE, False) if spoken else (NOTHING, True)
            spoken += base.size
            check_length(spoken, self._settings)
            for part, last in adapted(base, profile, manner.fit, contour, first):
                yield np.concatenate([pause, part]), last and not sentences
                pause = NOTHING
        if not spoken:
            raise unspeakable(text, language.code)

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
