"""From a task to the function that does it on a 24 kHz waveform."""

from collections.abc import Callable
from functools import partial

from greenroom.errors import InvalidInput
from greenroom_speech.engines.embedded import edit_emotion, edit_speed
from greenroom_speech.engines.embedded.edit_denoise import denoised
from greenroom_speech.engines.embedded.edit_prosody import with_prosody
from greenroom_speech.engines.embedded.edit_vad import without_silence
from greenroom_speech.engines.embedded.edit_whisper import check_style, whispered
from greenroom_speech.engines.embedded.world import Floats
from greenroom_speech.engines.tasks import TaskStep

Edit = Callable[[Floats], Floats]


def edit_of(step: TaskStep) -> Edit:
    """Raises InvalidInput for what the embedded engine cannot do."""
    if step.task == "speed":
        return partial(with_prosody, prosody=edit_speed.prosody_of(step.info))
    if step.task == "emotion":
        return partial(with_prosody, prosody=edit_emotion.prosody_of(step.info))
    if step.task == "style":
        check_style(step.info)
        return whispered
    if step.task == "denoise":
        return denoised
    if step.task == "vad":
        return without_silence
    raise InvalidInput(f"TASK {step.task!r} is not possible with the embedded engine.")
