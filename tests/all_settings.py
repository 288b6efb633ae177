"""Every variable that the service and its speech plug-in read."""

from pydantic.fields import FieldInfo

from greenroom.settings import Settings
from greenroom_speech.settings import (
    EngineSettings,
    PageSettings,
    SpeechSettings,
    VoiceSettings,
    WyomingSettings,
)

OF_ENGINES: dict[str, FieldInfo] = {
    **{f"GREENROOM_{name.upper()}": field for name, field in EngineSettings.model_fields.items()},
    **{
        f"GREENROOM_{model.upper()}_ENGINE": FieldInfo(
            default=None,
            description=f"Engine of {model}: {choices}. If unset, that of GREENROOM_ENGINES.",
        )
        for model, choices in (
            ("asr", "moonshine, embedded, whisper or faster-whisper"),
            ("tokenizer", "kokoro, embedded or step-audio"),
            ("tts", "kokoro, embedded or step-audio-editx"),
        )
    },
}
ALL: dict[str, FieldInfo] = {
    **{
        f"GREENROOM_{name.upper()}": field
        for kind in (Settings, SpeechSettings, VoiceSettings, PageSettings, WyomingSettings)
        for name, field in kind.model_fields.items()
    },
    **OF_ENGINES,
}
