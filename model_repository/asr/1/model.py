"""asr: from a recording to its transcript."""

from greenroom.managed.managed_model import ManagedModel
from greenroom_speech.settings import EngineSettings


class TritonPythonModel(ManagedModel):
    """Serves the engine that ``config.pbtxt`` or ``GREENROOM_ASR_ENGINE`` names."""

    required = ("AUDIO", "SAMPLE_RATE")
    settings = EngineSettings
