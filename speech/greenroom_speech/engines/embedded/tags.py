"""What the embedded engine can be asked for."""

from greenroom_speech.engines.engine_tags import EngineTags

TAGS = EngineTags(
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
    scripts={"en": ("LATIN",)},
    tokenizer="embedded",
)
