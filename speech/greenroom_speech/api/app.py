"""The application of /v1, with its documents at /docs and /openapi.json."""

from functools import partial

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from greenroom_speech.api.analyses import analysing
from greenroom_speech.api.catalogue import catalogue
from greenroom_speech.api.model_calls import ModelCalls
from greenroom_speech.api.openai_errors import HANDLERS
from greenroom_speech.api.pipeline import Pipeline
from greenroom_speech.api.request_body import WholeBody
from greenroom_speech.api.saved_voices import saved_voices
from greenroom_speech.api.speech import speaking
from greenroom_speech.api.transcriptions import hearing
from greenroom_speech.api.voices_store import VoicesStore
from greenroom_speech.decoder.client import Decoder
from greenroom_speech.settings import EngineSettings, VoiceSettings
from starlette.types import ASGIApp

from greenroom.controller.controller import Controller
from greenroom.gateway.lease import Leased
from greenroom.settings import Settings
from greenroom.triton.client import Triton
from greenroom.triton.http_client import HttpForward

_DESCRIPTION = """\
Voice cloning, speech editing and transcription. Any OpenAI client speaks to it with this
server's `/v1` as its base URL. A model that is not on the GPU is brought back first; the
answer waits for it.
"""


def speech_app(
    settings: Settings, controller: Controller, triton: Triton, leased: Leased, forward: HttpForward
) -> ASGIApp:
    """Return the application; it answers every path, those that it does not have with 404."""
    decoder = Decoder(leased.held)
    decoder.start()
    read = partial(decoder.recording, longest=EngineSettings().max_audio_seconds)
    store = VoicesStore(VoiceSettings().voices_folder)
    store.clear_partial()
    pipeline = Pipeline(controller, leased, ModelCalls(triton, controller.traces))
    app: FastAPI = FastAPIOffline(
        title="Greenroom", description=_DESCRIPTION, exception_handlers=HANDLERS
    )
    app.include_router(speaking(pipeline, store, read))
    app.include_router(hearing(pipeline, read))
    app.include_router(analysing(pipeline, read))
    app.include_router(saved_voices(pipeline, store, read))
    app.include_router(catalogue(controller))
    return WholeBody(app, forward)
