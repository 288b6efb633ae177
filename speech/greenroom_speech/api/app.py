"""The application of /v1, with its documents at /docs and /openapi.json."""

import logging
from functools import partial

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.types import ASGIApp

from greenroom.plugin import App, Gateway
from greenroom_speech.api.analyses import analyses_routes
from greenroom_speech.api.catalogue import catalogue_routes, known_tags
from greenroom_speech.api.client_habits import ClientHabits
from greenroom_speech.api.edits import Editor, edits_routes
from greenroom_speech.api.formats import Formats
from greenroom_speech.api.leased_voice import SPEECH, TTS
from greenroom_speech.api.listening import RecordingListener
from greenroom_speech.api.openai_errors import HANDLERS, refusal
from greenroom_speech.api.pipeline import TOKENIZER, Pipeline
from greenroom_speech.api.probes import READY, probes_routes
from greenroom_speech.api.reference import References
from greenroom_speech.api.saved_voices import saved_voices_routes
from greenroom_speech.api.speech import speech_routes
from greenroom_speech.api.speech_stream import PATH as STREAM
from greenroom_speech.api.speech_stream import speech_stream_routes
from greenroom_speech.api.transcriptions import transcriptions_routes
from greenroom_speech.api.verification import ASR, Rule
from greenroom_speech.api.voice_places import voices_place
from greenroom_speech.api.voices_store import VoicesStore
from greenroom_speech.codec.decoder import Decoder
from greenroom_speech.codec.encoder import Encoder
from greenroom_speech.codec.process import CodecProcess
from greenroom_speech.engines.chosen import check_fit, chosen
from greenroom_speech.engines.engine_tags import EngineTags
from greenroom_speech.reading.aloud import ReadAloud
from greenroom_speech.settings import EngineSettings, SpeechSettings, VoiceSettings

logger = logging.getLogger(__name__)

_DESCRIPTION = """\
Voice cloning, speech editing and transcription. Use any OpenAI client with this
server's `/v1` as its base URL. A request for a model that is not on the GPU waits until it is.
"""


def speech_app(gateway: Gateway) -> ASGIApp:
    """Starts the codec process, and removes what a crash has left of voices half written.

    Raises SetupError where the engines do not fit together.
    """
    _look_at_engines(gateway)
    codec = CodecProcess()
    codec.start()
    decoder, engines = Decoder(codec, gateway.held), EngineSettings()
    read = partial(decoder.recording, longest=engines.max_audio_seconds)
    formats = Formats(Encoder(codec))
    store = VoicesStore(voices_place(VoiceSettings()))
    store.clear_partial()
    settings = SpeechSettings()

    def known() -> EngineTags:
        return known_tags(gateway)[1]

    references = References(store, read, settings, known)
    rule = Rule(settings.verify_word_error_rate, max(0, engines.tts_redraws))
    pipeline = Pipeline(gateway, settings.max_speech_seconds_per_request, rule)
    read_aloud = ReadAloud(known, settings.read_code)
    app: FastAPI = FastAPIOffline(
        title="Greenroom", description=_DESCRIPTION, exception_handlers=HANDLERS
    )
    most_characters = engines.max_text_chars
    app.include_router(speech_routes(pipeline, references, read_aloud, formats, most_characters))
    app.include_router(
        speech_stream_routes(gateway, pipeline, references, read_aloud, formats, most_characters)
    )
    listener = RecordingListener(gateway, decoder, engines, settings.max_transcription_seconds)
    app.include_router(transcriptions_routes(listener, lambda: known_tags(gateway, ASR)[1]))
    most_edited = settings.max_speech_seconds_per_request
    editor = Editor(pipeline, decoder, listener, engines, most_edited)
    app.include_router(edits_routes(editor, formats))
    app.include_router(analyses_routes(pipeline, read))
    app.include_router(saved_voices_routes(pipeline, store, read, formats))
    app.include_router(probes_routes(gateway))
    longest = engines.max_audio_seconds
    app.include_router(catalogue_routes(gateway, store, settings, longest))
    return ClientHabits(app)


def _look_at_engines(gateway: Gateway) -> None:
    served = [model for model in (ASR, TOKENIZER, TTS) if model in gateway.models()]
    engines = {model: chosen(model, gateway.facts(model).parameters) for model in served}
    for model, found in engines.items():
        if found.engine != found.better and found.better_lacks:
            lacks = ", ".join(found.better_lacks)
            logger.warning("%s runs %s: %s lacks %s", model, found.engine, found.better, lacks)
    if TOKENIZER in engines and TTS in engines:
        check_fit(engines[TOKENIZER].engine, engines[TTS].engine)


APP = App(
    name="openai",
    start=speech_app,
    paths=("/v1", "/docs", "/openapi.json", "/redoc", "/static-offline-docs"),
    models={
        "/v1/audio/analyses": TOKENIZER,
        "/v1/audio/edits": SPEECH,
        "/v1/audio/speech": SPEECH,
        STREAM: SPEECH,
        "/v1/audio/transcriptions": ASR,
        "/v1/audio/translations": ASR,
        "/v1/voices": ASR,
        "/v1/voices/{name}/preview": SPEECH,
    },
    websockets=(STREAM,),
    scopes={("GET", READY): None, ("HEAD", READY): None},
    refusal=refusal,
)
