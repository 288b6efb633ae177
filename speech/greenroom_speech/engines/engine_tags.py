"""What the engines of tts can be asked for: names alone, no engine is imported for them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from greenroom_speech.engines.step_audio.instructions import (
    EMOTIONS,
    REMOVE,
    SOUNDS,
    SPEEDS,
    STYLES,
)
from greenroom_speech.engines.step_audio.spoken_text import LANGUAGE_TAGS


@dataclass(frozen=True)
class EngineTags:
    """The choices of one engine."""

    tasks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Each task with the values of its TASK_INFO; none where it takes none."""
    languages: tuple[str, ...] = ()
    """Values of LANGUAGE."""
    text_tags: tuple[str, ...] = ()
    """Tags that may stand in TEXT."""


TAGS: Mapping[str, EngineTags] = {
    "embedded": EngineTags(
        tasks={
            "emotion": (
                *("happy", "excited", "surprised", "angry", "fear", "sad", "depressed"),
                *("coldness", "calm", "remove"),
            ),
            "style": ("whisper",),
            "speed": ("more slower", "slower", "faster", "more faster"),
            "denoise": (),
            "vad": (),
        },
        languages=(
            *("en", "zh", "yue", "ja", "ko", "de", "es", "fr", "it", "pt", "nl", "pl", "ru"),
            *("uk", "tr", "ar", "hi", "vi"),
        ),
    ),
    "step-audio-editx": EngineTags(
        tasks={
            "emotion": (*EMOTIONS, REMOVE),
            "style": (*STYLES, REMOVE),
            "speed": SPEEDS,
            "paralinguistic": (),
            "denoise": (),
            "vad": (),
        },
        languages=tuple(LANGUAGE_TAGS),
        text_tags=SOUNDS,
    ),
}
