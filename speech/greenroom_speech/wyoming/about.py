"""What the server says of itself: languages that are heard, voices that speak."""

from importlib.metadata import version
from typing import Any

from wyoming.info import AsrModel, AsrProgram, Attribution, Info, TtsProgram, TtsVoice

from greenroom_speech.engines.embedded.languages import LANGUAGES
from greenroom_speech.wyoming.voice_gateway import VoiceGateway

_BY = Attribution("Greenroom", "https://pypi.org/project/greenroom-speech/")
_VERSION = version("greenroom-speech")
_ALL = [language.code for language in LANGUAGES]
"""What a voice of no known language is asked for."""


async def about(gateway: VoiceGateway) -> Info:
    """Raises GatewayRefused."""
    voices = [
        TtsVoice(
            name=one["name"],
            attribution=_BY,
            installed=True,
            description=one["name"],
            version=_VERSION,
            languages=[one["language"]] if one.get("language") else _ALL,
        )
        for one in await gateway.voices()
    ]
    models = [
        AsrModel(
            name="asr",
            attribution=_BY,
            installed=True,
            description="Greenroom",
            version=_VERSION,
            languages=await gateway.languages() or _ALL,
        )
    ]
    told: dict[str, Any] = {
        "name": "greenroom",
        "attribution": _BY,
        "installed": True,
        "version": _VERSION,
    }
    return Info(
        asr=[
            AsrProgram(**told, description="asr", models=models, supports_transcript_streaming=True)
        ],
        tts=[
            TtsProgram(**told, description="tts", voices=voices, supports_synthesize_streaming=True)
        ],
    )
