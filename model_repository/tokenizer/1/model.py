"""tokenizer: from a recording to the prompt features of its voice."""

from typing import ClassVar

from greenroom.engines.managed_model import ManagedModel


class TritonPythonModel(ManagedModel):
    """Serves the engine that ``config.pbtxt`` or ``GREENROOM_TOKENIZER_ENGINE`` names."""

    required = ("AUDIO", "SAMPLE_RATE")
    engines: ClassVar = {
        "step-audio": "greenroom.engines.step_audio.prompt_analysis.engine:StepAudioTokenizer",
        "embedded": "greenroom.engines.embedded.tokenizer:EmbeddedTokenizer",
    }
