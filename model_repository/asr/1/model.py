"""asr: from a recording to its transcript."""

from typing import ClassVar

from greenroom_speech.settings import EngineSettings

from greenroom.managed.managed_model import ManagedModel


class TritonPythonModel(ManagedModel):
    """Serves the engine that ``config.pbtxt`` or ``GREENROOM_ASR_ENGINE`` names."""

    required = ("AUDIO", "SAMPLE_RATE")
    settings = EngineSettings
    engines: ClassVar = {
        "embedded": "greenroom_speech.engines.embedded.asr:EmbeddedAsr",
        "whisper": "greenroom_speech.engines.whisper.engine:WhisperAsr",
    }
