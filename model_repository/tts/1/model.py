"""tts: from a voice and a text, or an edit, to a waveform."""

from typing import ClassVar

from greenroom_speech.settings import EngineSettings

from greenroom.managed.managed_model import ManagedModel


class TritonPythonModel(ManagedModel):
    """Serves the engine that ``config.pbtxt`` or ``GREENROOM_TTS_ENGINE`` names."""

    required = ("TRANSCRIPT", "PROMPT_TOKENS", "SPEECH_FEATURES", "SPEAKER_EMBEDDING")
    settings = EngineSettings
    engines: ClassVar = {
        "embedded": "greenroom_speech.engines.embedded.tts:EmbeddedTts",
        "step-audio-editx": "greenroom_speech.engines.step_audio.tts_engine:StepAudioEditX",
    }
