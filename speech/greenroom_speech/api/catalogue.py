"""What there is to ask, and of whom: GET /v1/models, /v1/tags and lists that other servers have."""

import asyncio

from fastapi import APIRouter

from greenroom.managed.engine_choice import engine_name
from greenroom.plugin import Gateway
from greenroom_speech.api.answers import (
    ERRORS,
    ModelList,
    ModelObject,
    NamedModel,
    NamedModels,
    NamedVoice,
    NamedVoices,
    Tags,
)
from greenroom_speech.api.leased_voice import SPEECH, TTS
from greenroom_speech.api.reference import aliases_of
from greenroom_speech.api.verification import ASR
from greenroom_speech.api.voices_store import VoicesStore
from greenroom_speech.engines.engine_tags import EngineTags, tags_of
from greenroom_speech.settings import SpeechSettings


def known_tags(gateway: Gateway, model: str = TTS) -> tuple[str, EngineTags]:
    """The engine of tts or asr, and what it can be asked for."""
    engine = engine_name(model, gateway.facts(model).parameters)
    return engine, tags_of(model, engine)


_HEARD = {"embedded": ["en"], "moonshine": ["en"]}
"""Languages by engine of asr; the others find out themselves."""

MODEL_ALIASES = {
    **dict.fromkeys(("tts-1", "tts-1-hd", "gpt-4o-mini-tts", "kokoro"), SPEECH),
    **dict.fromkeys(("whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe"), ASR),
}
"""Names that clients send; each is listed as what answers it."""


def catalogue_routes(
    gateway: Gateway, store: VoicesStore, settings: SpeechSettings, longest_reference: float
) -> APIRouter:
    """`longest_reference` in seconds."""
    router = APIRouter(tags=["models"], responses=ERRORS)

    @router.get("/v1/models")
    async def models() -> ModelList:
        """List the models and where their weights are, and what else they are called."""
        return ModelList(data=[_shown(name) for name in (*gateway.models(), *_aliases())])

    @router.get("/v1/audio/models")
    async def audio_models() -> NamedModels:
        """List the models of speech and transcription as Open WebUI asks for them."""
        ids = (*(name for name in (SPEECH, ASR) if name in gateway.models()), *_aliases())
        return NamedModels(models=[NamedModel(id=name, name=name) for name in ids])

    @router.get("/v1/audio/voices")
    async def audio_voices() -> NamedVoices:
        """List all voices, further names of some and the engine's own, as other servers do."""
        known = known_tags(gateway)[1]
        every = list(known.languages)
        voices = {voice.name: voice.language for voice in await asyncio.to_thread(store.all)}
        more = {
            name: voices[voice]
            for name, voice in aliases_of(settings).items()
            if voice in voices and name not in voices
        }
        named = [
            NamedVoice(id=name, name=name, language=code, languages=every)
            for name, code in (voices | more).items()
        ]
        named += [
            NamedVoice(
                id=own.name,
                name=own.name,
                language=own.says,
                languages=list(own.speaks) or every,
                gender=own.gender,
            )
            for own in known.voices
            if own.name not in voices
        ]
        return NamedVoices(voices=named)

    @router.get("/v1/models/{model:path}")
    async def model(model: str) -> ModelObject:
        """Show a model."""
        return _shown(model)

    @router.get("/v1/tags")
    async def tags() -> Tags:
        """Show what the engine of tts can be asked for."""
        engine, known = known_tags(gateway)
        return Tags(
            engine=engine,
            tasks={task: list(values) for task, values in known.tasks.items()},
            languages=list(known.languages),
            text_tags=list(known.text_tags),
            longest_reference=longest_reference,
            heard=_HEARD.get(engine_name(ASR, gateway.facts(ASR).parameters), []),
        )

    def _aliases() -> list[str]:
        return [name for name, model in MODEL_ALIASES.items() if model in gateway.models()]

    def _shown(name: str) -> ModelObject:
        facts = gateway.facts(MODEL_ALIASES.get(name, name))
        return ModelObject(id=name, created=int(facts.changed_at), residency=facts.residency)

    return router
