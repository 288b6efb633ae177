"""``ASR_TASK``: whether words are written as they are said, or in English."""

from greenroom.errors import InvalidInput
from greenroom.managed.engine import Tensors
from greenroom_speech.engines.text_input import word

TRANSCRIBE, TRANSLATE = "transcribe", "translate"


def listening_task(request: Tensors) -> str:
    """TRANSCRIBE where it is absent. Raises InvalidInput for another value."""
    task = word(request, "ASR_TASK") or TRANSCRIBE
    if task not in (TRANSCRIBE, TRANSLATE):
        raise InvalidInput(f"ASR_TASK is {task!r}; it must be {TRANSCRIBE} or {TRANSLATE}.")
    return task


def no_translation(who: str) -> InvalidInput:
    return InvalidInput(
        f"ASR_TASK is {TRANSLATE!r}; {who} cannot translate, only {TRANSCRIBE}; a multilingual "
        "model of Whisper can."
    )
