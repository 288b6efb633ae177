"""The application of /v1, with its documents at /docs and /openapi.json."""

from functools import partial

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.types import ASGIApp

from greenroom.plugin import App, Gateway
from greenroom_speech.api.analyses import analyses_routes
from greenroom_speech.api.catalogue import catalogue_routes
from greenroom_speech.api.openai_errors import HANDLERS, refusal
from greenroom_speech.api.pipeline import ASR, SPEECH, TOKENIZER, Pipeline
from greenroom_speech.api.saved_voices import saved_voices_routes
from greenroom_speech.api.speech import speech_routes
from greenroom_speech.api.transcriptions import transcriptions_routes
from greenroom_speech.api.voices_store import VoicesStore
from greenroom_speech.decoder.client import Decoder
from greenroom_speech.settings import EngineSettings, VoiceSettings

_DESCRIPTION = """\
Voice cloning, speech editing and transcription. Use any OpenAI client with this
server's `/v1` as its base URL. A request for a model that is not on the GPU waits until it is.
"""


def speech_app(gateway: Gateway) -> ASGIApp:
    """Starts the decoder process, and removes what a crash has left of voices half written."""
    decoder = Decoder(gateway.held)
    decoder.start()
    read = partial(decoder.recording, longest=EngineSettings().max_audio_seconds)
    store = VoicesStore(VoiceSettings().voices_folder)
    store.clear_partial()
    pipeline = Pipeline(gateway)
    app: FastAPI = FastAPIOffline(
        title="Greenroom", description=_DESCRIPTION, exception_handlers=HANDLERS
    )
    app.include_router(speech_routes(pipeline, store, read))
    app.include_router(transcriptions_routes(pipeline, read))
    app.include_router(analyses_routes(pipeline, read))
    app.include_router(saved_voices_routes(pipeline, store, read))
    app.include_router(catalogue_routes(gateway))
    return app


APP = App(
    name="openai",
    start=speech_app,
    paths=("/v1", "/docs", "/openapi.json", "/redoc", "/static-offline-docs"),
    models={
        "/v1/audio/analyses": TOKENIZER,
        "/v1/audio/edits": SPEECH,
        "/v1/audio/speech": SPEECH,
        "/v1/audio/transcriptions": ASR,
        "/v1/voices": ASR,
        "/v1/voices/{name}/preview": SPEECH,
    },
    refusal=refusal,
)
