"""tts: from a voice and a text, or an edit, to a waveform."""

from greenroom.managed.engine import Tensors
from greenroom.managed.steps import SteppedModel
from greenroom_speech.settings import EngineSettings


class TritonPythonModel(SteppedModel):
    """Serves the engine that ``config.pbtxt`` or ``GREENROOM_TTS_ENGINE`` names."""

    required = ("TRANSCRIPT", "PROMPT_TOKENS", "SPEECH_FEATURES", "SPEAKER_EMBEDDING")
    settings = EngineSettings

    def require(self, tensors: Tensors) -> None:
        """One of the engine's own voices needs no prompt."""
        if "VOICE" not in tensors:
            super().require(tensors)
