"""One piece of a text on its way to its codes: turn after turn of the language model."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from greenroom.errors import GreenroomError
from greenroom_speech.engines.seeds import draw_seed
from greenroom_speech.engines.step_audio.audio_ids import AudioIds
from greenroom_speech.engines.step_audio.faults import CODES_PER_SECOND, CodeWatch
from greenroom_speech.engines.step_audio.language_model.generation import (
    Decoding,
    GeneratedSpeech,
    Generator,
    Prompt,
)
from greenroom_speech.engines.step_audio.prompts import ids_of
from greenroom_speech.engines.step_audio.release import ReleaseRules
from greenroom_speech.engines.step_audio.text_tokenizer import TextTokenizer
from greenroom_speech.engines.step_audio.turns import Turns
from greenroom_speech.settings import EngineSettings


@dataclass(frozen=True)
class PassageModel:
    """What passages need of the language model."""

    generator: Generator
    tokenizer: TextTokenizer
    settings: EngineSettings
    release: ReleaseRules
    bad_draws: Counter[str] = field(default_factory=Counter)
    """How many were drawn ``again``, were ``cut`` after they had been heard, or ``failed``."""

    @property
    def audio(self) -> AudioIds:
        return self.tokenizer.audio

    @property
    def checks(self) -> bool:
        """Whether it is looked for draws that are plainly wrong."""
        return self.settings.tts_redraws >= 0


class Passage:
    """A piece of a request; what it says does not depend on the others.

    A draw that is plainly wrong has a ``fault``. Its row then lets another be drawn, or keeps what
    was heard of it already. Draw k of a seed has a seed computed from it, so that the same seed
    gives the same again, further draws included.
    """

    def __init__(self, language: PassageModel, turns: Turns, number: int, seed: int) -> None:
        self._language, self._turns, self._number, self._seed = language, turns, number, seed
        self._draw = 0
        self._wanted: Decoding | None = None
        self._watch = CodeWatch()
        self._codes: list[int] = []
        self._before = turns.pieces[number]
        self.decoding: Decoding | None = None
        """What the language model is at."""
        self.ended = turns.asked(number) is None
        """All codes are there."""
        self.fault: str | None = None
        """What is wrong with the draw, where anything is."""

    @property
    def codes(self) -> list[int]:
        """Of the last turn, as far as they are known to stay.

        The newest one is left out until it is known whether another follows: how a stream is cut
        must not depend on when somebody looks.
        """
        if self.ended:
            return list(self._turns.pieces[self._number].codes)
        if not self.sounds:
            return []
        if self.decoding is not None:
            return self._language.audio.codes(self.decoding.speech[:-1])
        return self._codes

    @property
    def sounds(self) -> bool:
        """What the model says now is heard, and no turn of its own follows."""
        return self._turns.is_last(self._number)

    def wanted(self) -> Decoding | None:
        """What is to be decoded next; None: it is at it, or at its end. Raises InvalidInput."""
        if self.ended or self.fault or self.decoding is not None:
            return None
        if self._wanted is None:
            self._wanted = self._language.generator.begin(self._prompt())
        return self._wanted

    def joined(self) -> None:
        """What was wanted is being decoded."""
        self.decoding, self._wanted = self._wanted, None
        self._watch = CodeWatch(2 if self._turns.edited_seconds else 1)

    def leave(self) -> None:
        """Let the language model forget it."""
        if self.decoding is not None:
            self._language.generator.leave(self.decoding)
            self.decoding = None

    def hear(self) -> None:
        """Take what was said: an answer, or a fault. Raises what went wrong."""
        if self.decoding is None:
            return
        answer, audio = self.decoding.answer, self._language.audio
        if isinstance(answer, Exception):
            self.decoding = None
            raise answer
        fault = None
        if self._language.checks:
            known = self.decoding.prompt_ids + len(self._watch)
            fault = self._watch.add(audio.codes(self.decoding.ids[known:]))
        if fault is not None:
            self._stop(fault, audio.codes(self.decoding.speech[: len(self._watch) - 1]))
        elif answer is not None:
            self._answered(answer, audio.codes(answer.ids))

    def reject(self, fault: str) -> None:
        """Say what is wrong with its sound."""
        self._stop(fault, [])

    def draw_again(self) -> None:
        """Begin another draw. Raises GreenroomError where there were enough."""
        if self._draw >= self._language.settings.tts_redraws:
            self._language.bad_draws["failed"] += 1
            raise GreenroomError(
                f"The model produced no usable speech in {self._draw + 1} attempts, the "
                "last time because "
                f"{self.fault}; try another SEED or a shorter TEXT."
            )
        self._language.bad_draws["again"] += 1
        self._draw += 1
        self._turns.pieces[self._number] = self._before
        self.fault, self.ended, self._codes = None, False, []

    def cut(self) -> str:
        """End with what was heard of it already; a sentence that tells why."""
        self._language.bad_draws["cut"] += 1
        self._accept(self._codes)
        fault, self.fault = self.fault, None
        return f"A sentence was not spoken correctly: {fault}."

    def _stop(self, fault: str, codes: list[int]) -> None:
        self.leave()
        self.fault, self._codes = fault, codes

    def _answered(self, answer: GeneratedSpeech, codes: list[int]) -> None:
        seconds = len(codes) / CODES_PER_SECOND
        if not codes:
            self._stop("it said nothing", codes)
        elif not answer.ended:
            self._stop(f"it had not come to an end after {seconds:.0f} s", codes)
        elif self._language.checks and seconds < self._turns.bounds(self._number).least:
            self._stop(f"{seconds:.1f} s are far too short for the text", codes)
        else:
            self.decoding = None
            self._accept(codes)

    def _accept(self, codes: Sequence[int]) -> None:
        if not self.ended:
            self._before = self._turns.pieces[self._number]
            self._turns.answered(self._number, codes)
        self.ended = self._turns.asked(self._number) is None
        if not self.ended:
            self._draw, self._before = 0, self._turns.pieces[self._number]

    def _prompt(self) -> Prompt:
        conversation = self._turns.asked(self._number)
        assert conversation is not None
        settings, piece = self._language.settings, self._turns.pieces[self._number]
        seconds = min(self._turns.bounds(self._number).most, settings.max_speech_seconds)
        seed = draw_seed(self._seed, self._draw) + 1_000_003 * piece.turn + 1009 * self._number
        return Prompt(
            ids_of(conversation, self._language.release.layout, self._language.tokenizer),
            seed,
            int(seconds * CODES_PER_SECOND),
        )
