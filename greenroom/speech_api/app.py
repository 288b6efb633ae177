"""The application of /v1, with its documents at /docs and /openapi.json."""

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.types import ASGIApp

from greenroom.config import EngineSettings, Settings
from greenroom.controller.controller import Controller
from greenroom.controller.triton import Triton
from greenroom.gateway.http_forward import HttpForward
from greenroom.gateway.leased import Leased
from greenroom.speech_api.analysing import analysing
from greenroom.speech_api.bodies import WholeBody
from greenroom.speech_api.catalogue import catalogue
from greenroom.speech_api.hearing import hearing
from greenroom.speech_api.model_calls import ModelCalls
from greenroom.speech_api.pipeline import Pipeline
from greenroom.speech_api.problems import HANDLERS
from greenroom.speech_api.saved_voices import saved_voices
from greenroom.speech_api.speaking import speaking
from greenroom.speech_api.voices_store import VoicesStore

_DESCRIPTION = """\
Voice cloning, speech editing and transcription. Any OpenAI client speaks to it with this
server's `/v1` as its base URL. A model that is not on the GPU is brought back first; the
answer waits for it.
"""


def speech_app(
    settings: Settings, controller: Controller, triton: Triton, leased: Leased, forward: HttpForward
) -> ASGIApp:
    """Return the application; it answers every path, those that it does not have with 404."""
    engines = EngineSettings()
    store = VoicesStore(settings.voices_folder)
    store.clear_partial()
    pipeline = Pipeline(controller, leased, ModelCalls(triton, controller.traces))
    longest = engines.max_audio_seconds
    app: FastAPI = FastAPIOffline(
        title="Greenroom", description=_DESCRIPTION, exception_handlers=HANDLERS
    )
    app.include_router(speaking(pipeline, store, longest))
    app.include_router(hearing(pipeline, longest))
    app.include_router(analysing(pipeline, longest))
    app.include_router(saved_voices(pipeline, store, longest))
    app.include_router(catalogue(controller, engines))
    return WholeBody(app, forward)
