"""/v1/voices: recordings that are kept to be used by name."""

import asyncio
import io
import time

import soundfile
from fastapi import APIRouter, Request, Response

from greenroom_speech.api.answers import ERRORS, Deleted, VoiceList, VoiceObject
from greenroom_speech.api.formats import Formats
from greenroom_speech.api.openapi import AUDIO_ANSWER, body_of, checked
from greenroom_speech.api.pipeline import Pipeline, Script
from greenroom_speech.api.request_body import fields_of
from greenroom_speech.api.sound_answer import SoundAnswer, SoundOptions
from greenroom_speech.api.voice_facts import SavedVoice
from greenroom_speech.api.voice_request import VoiceChange, VoiceRequest
from greenroom_speech.api.voices_store import VoicesStore
from greenroom_speech.codec.decoder import Reader
from greenroom_speech.codec.recording import Recording
from greenroom_speech.reading.aloud import Reading
from greenroom_speech.reading.plain import TextPart

_RECORDING = {
    "description": "The recording.",
    "content": {"audio/flac": {"schema": {"type": "string", "format": "binary"}}},
}
_PREVIEWS = {"zh": "你好，这是我的声音。今天过得怎么样？"}
_PREVIEW = "Hello, this is how my voice sounds. I hope you like it."


def saved_voices_routes(
    pipeline: Pipeline, store: VoicesStore, read: Reader, formats: Formats
) -> APIRouter:
    router = APIRouter(prefix="/v1/voices", tags=["voices"], responses=ERRORS)

    @router.get("")
    async def all_voices() -> VoiceList:
        """List the bundled and the saved voices."""
        return VoiceList(data=[_shown(voice) for voice in await asyncio.to_thread(store.all)])

    @router.post(
        "",
        status_code=201,
        openapi_extra=body_of(VoiceRequest, "multipart/form-data", "application/json"),
    )
    async def save(request: Request) -> VoiceObject:
        """Keep a recording as a voice; without a transcript its words are recognised.

        It is analysed before the answer, so that its first use need not wait for that.
        """
        asked = checked(VoiceRequest, await fields_of(request))
        name = await asyncio.to_thread(store.check_free, asked.name)
        recording = await read(asked.file, "file")
        transcript, language = asked.transcript, asked.language
        if transcript is None:
            heard, _ = await pipeline.hear(recording, language)
            transcript, language = heard.transcript, language or heard.language
        audio = await asyncio.to_thread(_flac, recording)
        # What is kept is what will be cloned, so that is what has to be in tokenizer's cache.
        kept = await read(audio, "file")
        await pipeline.analyse(kept)
        voice = SavedVoice(
            name,
            transcript,
            language,
            round(recording.seconds, 3),
            asked.consent,
            int(time.time()),
            asked.description,
        )
        return _shown(await asyncio.to_thread(store.save, voice, audio))

    @router.get("/{name}")
    async def one(name: str) -> VoiceObject:
        """Show a voice."""
        return _shown(await asyncio.to_thread(store.get, name))

    @router.patch("/{name}", openapi_extra=body_of(VoiceChange, "application/json"))
    async def correct(name: str, request: Request) -> VoiceObject:
        """Correct the transcript of a saved voice."""
        asked = checked(VoiceChange, await fields_of(request))
        return _shown(await asyncio.to_thread(store.correct, name, asked.transcript))

    @router.delete("/{name}")
    async def delete(name: str) -> Deleted:
        """Delete a saved voice."""
        await asyncio.to_thread(store.delete, name)
        return Deleted(id=name, object="voice")

    @router.get("/{name}/audio", response_class=Response, responses={200: _RECORDING})
    async def recording(name: str) -> Response:
        """Return the recording of a voice, FLAC."""
        _, content = await asyncio.to_thread(store.recording, name)
        return Response(content, media_type="audio/flac")

    @router.get("/{name}/preview", response_class=Response, responses={200: AUDIO_ANSWER})
    async def preview(name: str) -> Response:
        """Say a sentence in a voice, as mp3."""
        voice, content = await asyncio.to_thread(store.recording, name)
        reference = await read(content, "the voice's recording")
        sentence = _PREVIEWS.get(voice.language, _PREVIEW)
        script = Script(reference, voice.transcript, {}, Reading([TextPart(sentence, 0.0)]))
        return SoundAnswer(pipeline.speech(script), formats, SoundOptions("mp3"))

    return router


def _flac(recording: Recording) -> bytes:
    """A file that is kept, so it tells its length, which one sent as it is made cannot."""
    file = io.BytesIO()
    soundfile.write(file, recording.samples, recording.rate, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def _shown(voice: SavedVoice) -> VoiceObject:
    return VoiceObject(
        id=voice.name,
        name=voice.name,
        language=voice.language,
        transcript=voice.transcript,
        description=voice.description,
        seconds=voice.seconds,
        bundled=voice.bundled,
        created=voice.created,
        consent=voice.consent,
    )
