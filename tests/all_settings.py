"""Every variable that the service and its speech plug-in read."""

from pydantic.fields import FieldInfo

from greenroom.settings import Settings
from greenroom_speech.settings import EngineSettings, PageSettings, VoiceSettings

OF_ENGINES: dict[str, FieldInfo] = {
    **{f"GREENROOM_{name.upper()}": field for name, field in EngineSettings.model_fields.items()},
    **{
        f"GREENROOM_{model.upper()}_ENGINE": FieldInfo(
            default=None,
            description=f"Engine of {model}: {choices}. If unset, the one in its config, embedded.",
        )
        for model, choices in (
            ("asr", "embedded or whisper"),
            ("tokenizer", "embedded or step-audio"),
            ("tts", "embedded or step-audio-editx"),
        )
    },
}
ALL: dict[str, FieldInfo] = {
    **{
        f"GREENROOM_{name.upper()}": field
        for kind in (Settings, VoiceSettings, PageSettings)
        for name, field in kind.model_fields.items()
    },
    **OF_ENGINES,
}
