"""asr: from a recording to its transcript."""

from greenroom_speech.settings import EngineSettings

from greenroom.managed.managed_model import ManagedModel


class TritonPythonModel(ManagedModel):
    """Serves the engine that ``config.pbtxt`` or ``GREENROOM_ASR_ENGINE`` names."""

    required = ("AUDIO", "SAMPLE_RATE")
    settings = EngineSettings
