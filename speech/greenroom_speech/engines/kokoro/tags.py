"""What the engine kokoro can be asked for."""

from greenroom_speech.engines.embedded.tags import TAGS as EMBEDDED
from greenroom_speech.engines.engine_tags import EngineTags
from greenroom_speech.engines.kokoro.voices import VOICES

SPOKEN = ("en", "zh")
"""Languages of its own; the others are said by the embedded engine."""
TAGS = EngineTags(
    tasks=EMBEDDED.tasks,
    languages=EMBEDDED.languages,
    voices=VOICES,
    elsewhere={code: "embedded" for code in EMBEDDED.languages if code not in SPOKEN},
    tokenizer="kokoro",
)
