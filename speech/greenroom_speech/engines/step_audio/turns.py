"""What a request asks of the language model: turn after turn, each on the speech of the last.

::

    clone     text -> pieces, each said in the voice of the prompt
    edit      each piece again, changed; its codes go in, no sound is made in between

So several edits cost the language model alone. The voice stays that of the prompt throughout:
upstream makes a recording of every turn and analyses that, and the voice drifts.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from greenroom.errors import InvalidInput
from greenroom_speech.engines.step_audio.instructions import SOUNDS, instruction
from greenroom_speech.engines.step_audio.prompts import Conversation, clone, edit
from greenroom_speech.engines.step_audio.sentences import pieces
from greenroom_speech.engines.step_audio.spoken_text import spoken_text
from greenroom_speech.engines.tasks import CLONE, Order, Step

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


class Turns:
    """The pieces of one request and what is still to be done to them."""

    def __init__(self, order: Order, said: str, codes: Sequence[int]) -> None:
        """``said`` and ``codes`` are the prompt's. InvalidInput for what the model can't do."""
        self._said, self._prompt = said.strip(), tuple(codes)
        self._steps = list(order.steps)
        self._adds_sounds = any(step.task == ADDS_SOUNDS for step in self._steps)
        for step in self._steps:
            if step.task != CLONE:
                instruction(step, said, order.text)
        self.pieces = self._spoken(order) if self._steps[0].task == CLONE else self._kept(order)

    @property
    def asked(self) -> dict[int, Conversation]:
        """What is to be said to the model now, by the number of the piece; empty at the end."""
        while self._steps:
            step = self._steps[0]
            found = {
                number: self._conversation(step, piece)
                for number, piece in enumerate(self.pieces)
                if step.task != ADDS_SOUNDS or piece.text != piece.sounds
            }
            if found:
                return found
            self._steps.pop(0)
        return {}

    def answered(self, codes: Mapping[int, Sequence[int]]) -> None:
        """Take the model's speech for each piece that was asked for, and go on to the next turn."""
        done = self._steps.pop(0)
        for number, given in codes.items():
            piece = self.pieces[number]
            text = piece.sounds if done.task == ADDS_SOUNDS else piece.text
            self.pieces[number] = replace(piece, text=text, codes=tuple(given))

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

    def _conversation(self, step: Step, piece: SpeechPiece) -> Conversation:
        if step.task == CLONE:
            return clone(self._said, self._prompt, piece.text)
        return edit(instruction(step, piece.text, piece.sounds), piece.codes)
