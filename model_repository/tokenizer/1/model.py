"""tokenizer: from a recording to the prompt features of its voice."""

from typing import ClassVar

from greenroom_speech.settings import EngineSettings

from greenroom.managed.managed_model import ManagedModel


class TritonPythonModel(ManagedModel):
    """Serves the engine that ``config.pbtxt`` or ``GREENROOM_TOKENIZER_ENGINE`` names."""

    required = ("AUDIO", "SAMPLE_RATE")
    settings = EngineSettings
    engines: ClassVar = {
        "step-audio": (
            "greenroom_speech.engines.step_audio.prompt_analysis.engine:StepAudioTokenizer"
        ),
        "embedded": "greenroom_speech.engines.embedded.tokenizer:EmbeddedTokenizer",
    }
