"""What an edit asks of the model, in the words it was trained with."""

import re

from greenroom.errors import InvalidInput
from greenroom_speech.engines.step_audio.spoken_text import LANGUAGE_TAGS
from greenroom_speech.engines.tasks import TaskStep

REMOVE = "remove"
EMOTIONS = (
    "happy", "angry", "sad", "humour", "confusion", "disgusted", "empathy", "embarrass", "fear",
    "surprised", "excited", "depressed", "coldness", "admiration",
)  # fmt: skip
STYLES = (
    "serious", "arrogant", "child", "older", "girl", "pure", "sister", "sweet", "ethereal",
    "whisper", "gentle", "recite", "generous", "act_coy", "warm", "shy", "comfort", "authority",
    "chat", "radio", "soulful", "story", "vivid", "program", "news", "advertising", "roar",
    "murmur", "shout", "deeply", "loudly", "exaggerated",
)  # fmt: skip
SPEEDS = ("faster", "slower", "more faster", "more slower")
SOUNDS = (
    "[Breathing]", "[Laughter]", "[Surprise-oh]", "[Confirmation-en]", "[Uhm]", "[Surprise-ah]",
    "[Surprise-wa]", "[Sigh]", "[Question-ei]", "[Dissatisfaction-hnn]", "[sigh]", "[inhale]",
    "[laugh]", "[chuckle]", "[exhale]", "[clears throat]", "[snort]", "[giggle]", "[cough]",
    "[breath]", "[uhm]", "[Surprise-yo]", "[Question-ah]", "[Question-en]", "[Question-yi]",
    "[Question-oh]",
)  # fmt: skip
"""The first ten are those of the weights of 2025, most of the others came in 2026."""

_INFOS = {"emotion": (*EMOTIONS, REMOVE), "style": (*STYLES, REMOVE), "speed": SPEEDS}

_MORE = "Make the following audio more {info}. The text corresponding to the audio is: {said}\n"
_CLEAN = (
    "Remove any {what} from the given audio while preserving the voice content clearly. Ensure "
    "that the speech quality remains intact with minimal distortion, and eliminate all {all} from "
    "the audio.\n"
)
_TEMPLATES = {
    "emotion": _MORE,
    "speed": _MORE,
    "style": (
        "Make the following audio more {info} style. The text corresponding to the audio is: "
        "{said}\n"
    ),
    "denoise": _CLEAN.format(what="noise", all="noise"),
    "vad": _CLEAN.format(what="silent portions", all="silence"),
    "paralinguistic": (
        "Add some non-verbal sounds to make the audio more natural, the new text is : {new}\n"
        "  The text corresponding to the audio is: {said}\n"
    ),
}
_REMOVING = {
    "emotion": "Remove any emotion in the following audio and the reference text is: {said}\n",
    "style": (
        "Remove any speaking styles in the following audio and the reference text is: {said}\n"
    ),
}


def instruction(step: TaskStep, said: str, new: str | None = None) -> str:
    """The instruction of an edit of audio that says ``said``.

    ``new`` are the words with sounds among them that ``paralinguistic`` needs. Raises
    InvalidInput where TASK_INFO or they are none that the model knows.
    """
    check_info(step)
    if step.task == "paralinguistic":
        _check_sounds(new)
    template = (_REMOVING if step.info == REMOVE else _TEMPLATES)[step.task]
    return template.format(info=step.info, said=said.strip(), new=new)


def check_info(step: TaskStep) -> None:
    """Raises InvalidInput where TASK_INFO does not fit the task."""
    known = _INFOS.get(step.task, ("",))
    if step.info not in known:
        rule = f"one of {', '.join(known)}" if known[0] else "empty"
        raise InvalidInput(
            f"TASK_INFO of the task {step.task!r} is {step.info[:40]!r}; it must be {rule}."
        )


def _check_sounds(text: str | None) -> None:
    if text is None:
        raise InvalidInput(
            "TEXT is missing; the task 'paralinguistic' needs the words with sounds among them."
        )
    if not any(sound in text for sound in SOUNDS):
        raise InvalidInput(
            f"TEXT contains no sound; the task 'paralinguistic' can add the sounds "
            f"{', '.join(SOUNDS)}."
        )


def unknown_tags(text: str) -> str | None:
    """A sentence that names what stands in brackets and is no sound or language; None: nothing.

    The model reads it as words.
    """
    known = (*SOUNDS, *filter(None, LANGUAGE_TAGS.values()))
    unknown = [tag for tag in re.findall(r"\[[^\[\]]*\]", text) if tag not in known]
    if not unknown:
        return None
    return f"TEXT contains {unknown[0][:40]!r}, which is not a known sound; it is read as text."
