"""What a request wants of its recording, and ``ASR_TASK``: in its own words, or in English."""

from dataclasses import dataclass

from greenroom.errors import InvalidInput
from greenroom.managed.engine import Tensors
from greenroom_speech.engines.text_input import word

TRANSCRIBE, TRANSLATE = "transcribe", "translate"


@dataclass(frozen=True)
class ListeningRequest:
    """What a request wants of its recording."""

    language: str | None
    prompt: str
    task: str
    timed: bool


def listening_task(request: Tensors) -> str:
    """TRANSCRIBE where it is absent. Raises InvalidInput for another value."""
    task = word(request, "ASR_TASK") or TRANSCRIBE
    if task not in (TRANSCRIBE, TRANSLATE):
        raise InvalidInput(f"ASR_TASK is {task[:40]!r}; it must be {TRANSCRIBE} or {TRANSLATE}.")
    return task


def no_translation(who: str) -> InvalidInput:
    return InvalidInput(
        f"ASR_TASK is {TRANSLATE!r}; {who} cannot translate, only {TRANSCRIBE}; a multilingual "
        "model of Whisper can."
    )
