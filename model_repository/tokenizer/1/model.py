"""tokenizer: from a recording to the prompt features of its voice."""

from greenroom.managed.managed_model import ManagedModel
from greenroom_speech.settings import EngineSettings


class TritonPythonModel(ManagedModel):
    """Serves the engine that ``config.pbtxt`` or ``GREENROOM_TOKENIZER_ENGINE`` names."""

    required = ("AUDIO", "SAMPLE_RATE")
    settings = EngineSettings
