"""What Step-Audio-EditX can be asked for."""

from greenroom_speech.engines.engine_tags import EngineTags
from greenroom_speech.engines.step_audio.instructions import (
    EMOTIONS,
    REMOVE,
    SOUNDS,
    SPEEDS,
    STYLES,
)
from greenroom_speech.engines.step_audio.spoken_text import LANGUAGE_TAGS

TAGS = EngineTags(
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
    language_tags=tuple(filter(None, LANGUAGE_TAGS.values())),
    tokenizer="step-audio",
)
