"""The entry point of the engine ``step-audio-editx``: reading begins before torch is imported."""

from contextlib import ExitStack
from typing import TYPE_CHECKING

from greenroom.managed.host.early_reading import EarlyReading
from greenroom_speech.engines.step_audio.weights import VoiceFiles
from greenroom_speech.settings import EngineSettings

if TYPE_CHECKING:
    from greenroom_speech.engines.step_audio.tts_engine import StepAudioEditX


def step_audio_editx(settings: EngineSettings) -> "StepAudioEditX":
    """Make the engine. SetupError names what is missing or does not fit.

    Its weights are read as they are in bf16 alone: what is converted or packed needs torch.
    """
    files = VoiceFiles(settings.models, settings.tts_precision)
    with ExitStack() as stack:
        early = None
        if settings.tts_precision == "bf16":
            early = stack.enter_context(EarlyReading(files.language_model))
        from greenroom_speech.engines.step_audio.tts_engine import StepAudioEditX

        return StepAudioEditX(settings, early)
