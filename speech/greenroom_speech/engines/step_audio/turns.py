"""What a request asks of the language model: turn after turn, each on the speech of the last.

::

    clone     text -> pieces, each said in the voice of the prompt
    edit      a piece again, changed; its codes go in, no sound is made in between

Each piece goes its own way, so the first can be heard while the others wait. Several edits cost the
language model alone. The voice stays that of the prompt throughout:
upstream makes a recording of every turn and analyses that, and the voice drifts.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from greenroom.errors import InvalidInput
from greenroom_speech.engines.step_audio.faults import (
    CODES_PER_SECOND,
    Bounds,
    bounds,
    pace_of,
)
from greenroom_speech.engines.step_audio.instructions import SOUNDS, instruction
from greenroom_speech.engines.step_audio.prompts import ANYBODY, PromptText, clone, edit
from greenroom_speech.engines.step_audio.spoken_text import spoken_text
from greenroom_speech.engines.tasks import CLONE, Order, TaskStep
from greenroom_speech.sentences import pieces

ADDS_SOUNDS = "paralinguistic"
_SOUND = re.compile(r"\s*(?:" + "|".join(map(re.escape, SOUNDS)) + ")")


@dataclass(frozen=True)
class SpeechPiece:
    """A part of the speech, small enough to be said in one go.

    ``text`` is what it says, ``sounds`` the same with sounds among the words where the request
    has some; ``codes`` are its audio codes as they are now.
    """

    text: str
    sounds: str
    codes: tuple[int, ...] = ()
    turn: int = 0
    """How many steps of the order are behind it."""


class Turns:
    """The pieces of one request and what is still to be done to them."""

    def __init__(
        self, order: Order, said: str, codes: Sequence[int], speaker: str = ANYBODY
    ) -> None:
        """``said`` and ``codes`` are the prompt's. InvalidInput for what the model can't do."""
        self._said, self._prompt, self._speaker = said.strip(), tuple(codes), speaker
        self._steps = order.steps
        self.recorded_seconds = len(self._prompt) / CODES_PER_SECOND
        self.pace = pace_of(self._said, self.recorded_seconds)
        self._adds_sounds = any(step.task == ADDS_SOUNDS for step in self._steps)
        for step in self._steps:
            if step.task != CLONE:
                instruction(step, said, order.text)
        self.pieces = self._spoken(order) if self._steps[0].task == CLONE else self._kept(order)

    @property
    def edited_seconds(self) -> float:
        """Of the recording that is edited; 0 where a text is said."""
        return 0.0 if self._steps[0].task == CLONE else self.recorded_seconds

    def bounds(self, number: int) -> Bounds:
        """How long the model may speak at its next turn for a piece."""
        piece = self.pieces[number]
        turn = self._due(piece)
        assert turn is not None
        found = bounds(piece.sounds, len(piece.codes) / CODES_PER_SECOND, self.pace)
        return replace(found, least=0.0) if self._steps[turn].task == "vad" else found

    def asked(self, number: int) -> PromptText | None:
        """What is to be said to the model now of a piece; None: there is nothing left to do."""
        piece = self.pieces[number]
        turn = self._due(piece)
        return None if turn is None else self._conversation(self._steps[turn], piece)

    def is_last(self, number: int) -> bool:
        """Nothing is left to do to a piece once the model has answered."""
        return self._due(self._after(self.pieces[number])) is None

    def answered(self, number: int, codes: Sequence[int]) -> None:
        """Take the model's speech for a piece that was asked for, and go on to its next turn."""
        self.pieces[number] = replace(self._after(self.pieces[number]), codes=tuple(codes))

    def _due(self, piece: SpeechPiece) -> int | None:
        for turn in range(piece.turn, len(self._steps)):
            if self._steps[turn].task != ADDS_SOUNDS or piece.text != piece.sounds:
                return turn
        return None

    def _after(self, piece: SpeechPiece) -> SpeechPiece:
        """The piece when its next turn is done."""
        turn = self._due(piece)
        if turn is None:
            return piece
        adds = self._steps[turn].task == ADDS_SOUNDS
        return replace(piece, text=piece.sounds if adds else piece.text, turn=turn + 1)

    def _spoken(self, order: Order) -> list[SpeechPiece]:
        text = spoken_text((order.text or "").strip(), order.language)
        return [SpeechPiece(self._without_sounds(part), part) for part in pieces(text)]

    def _kept(self, order: Order) -> list[SpeechPiece]:
        if order.text is not None and not self._adds_sounds:
            raise InvalidInput(
                f"TEXT is given but TASK begins with {order.steps[0].task!r}, which keeps the "
                "words; put 'clone' first or leave TEXT out."
            )
        return [SpeechPiece(self._said, (order.text or self._said).strip(), self._prompt)]

    def _without_sounds(self, text: str) -> str:
        return _SOUND.sub("", text).strip() if self._adds_sounds else text

    def _conversation(self, step: TaskStep, piece: SpeechPiece) -> PromptText:
        if step.task == CLONE:
            return clone(self._said, self._prompt, piece.text, self._speaker)
        return edit(instruction(step, piece.text, piece.sounds), piece.codes)
