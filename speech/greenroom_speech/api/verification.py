"""What was said is heard by the service's own asr, and compared with what was to be said."""

import asyncio
from dataclasses import dataclass, field

import numpy as np

from greenroom.plugin import AppLease
from greenroom_speech.api.tensor_fields import one_text, text
from greenroom_speech.api.word_errors import word_errors, words_of
from greenroom_speech.codec.recording import Recording, Samples
from greenroom_speech.engines.audio_input import SILENCE_PEAK
from greenroom_speech.engines.embedded.languages import guess
from greenroom_speech.reading.spoken_form import spoken_form

ASR = "asr"
_WINDOW_SECONDS, _SHORTEST_SECONDS = 28.0, 0.5
"""What asr is given at once."""


@dataclass(frozen=True)
class Rule:
    """When a draw is one too bad, and how often it is drawn again."""

    most_errors: float = 0.3
    """Word error rate."""
    redraws: int = 2


USUAL = Rule()


@dataclass
class Verification:
    """Compares sentence by sentence and keeps count."""

    lease: AppLease
    rule: Rule
    language: str | None
    """Of the text; None: its script tells."""
    wanted: int = field(default=0, init=False)
    wrong: int = field(default=0, init=False)

    @property
    def word_error_rate(self) -> float | None:
        """Of all sentences that were accepted so far; None: there were none."""
        return round(self.wrong / self.wanted, 4) if self.wanted else None

    async def errors(self, words: str, sound: Recording) -> tuple[int, int]:
        """How many words are wrong, of how many. Raises InvalidInput for a language asr lacks."""
        language = self.language or guess(words)
        heard = await self._heard(sound, language)
        return await asyncio.to_thread(_compared, words, heard, language)

    def accept(self, wrong: int, wanted: int) -> None:
        self.wrong, self.wanted = self.wrong + wrong, self.wanted + wanted

    def is_bad(self, wrong: int, wanted: int) -> bool:
        return wrong > self.rule.most_errors * wanted

    async def _heard(self, sound: Recording, language: str) -> str:
        window = round(_WINDOW_SECONDS * sound.rate)
        parts = [sound.samples[at : at + window] for at in range(0, len(sound.samples), window)]
        return " ".join([await self._words(part, sound.rate, language) for part in parts])

    async def _words(self, samples: Samples, rate: int, language: str) -> str:
        if np.abs(samples).max(initial=0.0) < SILENCE_PEAK:
            return ""
        lacking = max(0, round(_SHORTEST_SECONDS * rate) - len(samples))
        inputs = {
            "AUDIO": np.pad(samples, (0, lacking)),
            "SAMPLE_RATE": np.array([rate], np.int32),
            "AUDIO_LANGUAGE": text(language),
        }
        return one_text((await self.lease.infer(ASR, inputs))["TRANSCRIPT"])


def _compared(words: str, heard: str, language: str) -> tuple[int, int]:
    wanted = words_of(spoken_form(words, language))
    return word_errors(wanted, words_of(spoken_form(heard, language))), len(wanted)
