"""tokenizer: from a recording to the prompt features of its voice."""

from greenroom_speech.settings import EngineSettings

from greenroom.managed.managed_model import ManagedModel


class TritonPythonModel(ManagedModel):
    """Serves the engine that ``config.pbtxt`` or ``GREENROOM_TOKENIZER_ENGINE`` names."""

    required = ("AUDIO", "SAMPLE_RATE")
    settings = EngineSettings
