"""tts: from a voice and a text, or an edit, to a waveform."""

from greenroom.managed.managed_model import ManagedModel
from greenroom_speech.settings import EngineSettings


class TritonPythonModel(ManagedModel):
    """Serves the engine that ``config.pbtxt`` or ``GREENROOM_TTS_ENGINE`` names."""

    required = ("TRANSCRIPT", "PROMPT_TOKENS", "SPEECH_FEATURES", "SPEAKER_EMBEDDING")
    settings = EngineSettings
