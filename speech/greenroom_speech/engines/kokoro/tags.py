"""What the engine kokoro can be asked for."""

from greenroom_speech.engines.embedded.tags import TAGS as EMBEDDED
from greenroom_speech.engines.engine_tags import EngineTags
from greenroom_speech.engines.kokoro.voices import SPOKEN, VOICES

TAGS = EngineTags(
    tasks=EMBEDDED.tasks,
    languages=EMBEDDED.languages,
    voices=VOICES,
    scripts={**EMBEDDED.scripts, "zh": ("CJK", "IDEOGRAPHIC", "LATIN")},
    elsewhere={code: "embedded" for code in EMBEDDED.languages if code not in SPOKEN},
    tokenizer="kokoro",
)
