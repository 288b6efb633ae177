"""asr: from a recording to its transcript."""

from typing import ClassVar

from greenroom.engines.managed_model import ManagedModel


class TritonPythonModel(ManagedModel):
    """Serves the engine that ``config.pbtxt`` or ``GREENROOM_ASR_ENGINE`` names."""

    required = ("AUDIO", "SAMPLE_RATE")
    engines: ClassVar = {
        "embedded": "greenroom.engines.embedded.asr:EmbeddedAsr",
        "whisper": "greenroom.engines.whisper.engine:WhisperAsr",
    }
