"""POST /v1/audio/speech: words in, a sound out."""

import asyncio
from collections.abc import Collection

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from greenroom_speech.api.answers import ERRORS
from greenroom_speech.api.conversation import conversation
from greenroom_speech.api.draws import draws, shown
from greenroom_speech.api.formats import Formats
from greenroom_speech.api.openai_errors import InvalidField
from greenroom_speech.api.openapi import AUDIO_ANSWER, body_of, checked
from greenroom_speech.api.pipeline import Pipeline, Script
from greenroom_speech.api.reference import OwnVoice, References
from greenroom_speech.api.request_body import fields_of
from greenroom_speech.api.sound_answer import SoundAnswer, SoundOptions, left_out, said_elsewhere
from greenroom_speech.api.speech_request import SpeechRequest
from greenroom_speech.codec.recording import Recording
from greenroom_speech.reading.aloud import ReadAloud
from greenroom_speech.reading.speakers import Turn, named, turns

_MOST_VOICES, _MOST_NAMES = 8, 100
"""In one text; names in brackets that are looked up."""
_CHARACTERS_A_SECOND = 50
"""More than anybody says, marks and all; each takes some microseconds before anything is said."""


def speech_routes(
    pipeline: Pipeline,
    references: References,
    read_aloud: ReadAloud,
    formats: Formats,
    most_characters: int,
) -> APIRouter:
    """`most_characters` of a text of which there are to be several draws."""
    router = APIRouter(tags=["speech"])

    @router.post(
        "/v1/audio/speech",
        response_class=Response,
        responses={200: AUDIO_ANSWER, **ERRORS},
        openapi_extra=body_of(SpeechRequest, "application/json", "multipart/form-data"),
    )
    async def speech(request: Request) -> Response:
        """Say a text of any length in a saved voice, or in that of a recording."""
        asked = checked(SpeechRequest, await fields_of(request))
        known = read_aloud.known()
        _check_length(asked.input, pipeline.most_seconds)
        scripts = await _scripts(asked, references, read_aloud)
        script, *more = scripts
        reading = script.reading
        assert reading is not None
        unsaid = [await asyncio.to_thread(each.reading.unsaid) for each in scripts if each.reading]
        recorded = any(isinstance(each.reference, Recording) for each in scripts)
        ignored = asked.left_out(known, recorded)
        headers = {
            **left_out(ignored, " ".join(filter(None, dict.fromkeys(unsaid)))),
            **await asyncio.to_thread(said_elsewhere, known, asked.input, asked.language),
        }
        wanted = SoundOptions(
            asked.response_format,
            asked.speed,
            asked.stream_format,
            len(asked.input),
            asked.volume_multiplier,
            headers,
        )
        if asked.n > 1:
            _check_draws(asked, most_characters, len(scripts))
            found, timing = await draws(pipeline, script, reading, asked.n)
            answer = await shown(found, formats, wanted)
            return JSONResponse(answer.model_dump(), headers={**timing.headers(), **headers})
        sound = conversation(pipeline, scripts) if more else pipeline.speech(script)
        return SoundAnswer(sound, formats, wanted)

    return router


async def _scripts(
    asked: SpeechRequest, references: References, read_aloud: ReadAloud
) -> list[Script]:
    """One for each speaker's turn in which there is something to say, at least one."""
    known = read_aloud.known()
    voices: dict[str | None, tuple[Recording | OwnVoice, str | None]] = {}
    scripts, silent = list[Script](), list[Script]()
    for turn in await _turns(asked, references, known.kept):
        if turn.voice not in voices:
            if len(voices) == _MOST_VOICES:
                raise InvalidField(f"input has more than {_MOST_VOICES} voices.", "input")
            one = references.of(asked) if turn.voice is None else references.named(turn.voice)
            voices[turn.voice] = await one
        reference, transcript = voices[turn.voice]
        own = reference.name if isinstance(reference, OwnVoice) else None
        tensors = asked.tensors(known, recorded=own is None)
        reading = await read_aloud.of(turn.text, asked.language, own)
        field = "voice" if turn.voice else asked.recording_field
        script = Script(reference, transcript, tensors, reading, field, asked.verify)
        says = await asyncio.to_thread(lambda found: next(found.pieces(), None), reading)
        (scripts if says else silent).append(script)
    return scripts or silent[:1]


async def _turns(asked: SpeechRequest, references: References, tags: Collection[str]) -> list[Turn]:
    if asked.segments:
        return [Turn(segment.voice, segment.text) for segment in asked.segments]
    names = {name for name in named(asked.input) if f"[{name}]" not in tags}
    voices = {name for name in sorted(names)[:_MOST_NAMES] if await references.knows(name)}
    # Of marks alone there is no turn: nothing is said, in the voice of the request.
    return list(turns(asked.input, voices.__contains__)) or [Turn(None, "")]


def _check_length(text: str, seconds: float) -> None:
    most = int(seconds * _CHARACTERS_A_SECOND)
    if len(text) > most:
        raise InvalidField(
            f"input has {len(text)} characters; at most {most} can be said in the {seconds:g} s of "
            "max_speech_seconds_per_request.",
            "input",
        )


def _check_draws(asked: SpeechRequest, most_characters: int, turns: int) -> None:
    if turns > 1:
        raise InvalidField(f"n is {asked.n} and there are several speakers; leave n out.", "n")
    if len(asked.input) > most_characters:
        raise InvalidField(
            f"input has {len(asked.input)} characters and n is {asked.n}; several draws are kept "
            f"until all are there, so it may have {most_characters} (max_text_chars).",
            "input",
        )
    asked_for = {
        "stream_format": asked.stream_format == "sse",
        "stream": "stream" in asked.model_fields_set and asked.stream,
    }
    for name, given in asked_for.items():
        if given:
            raise InvalidField(
                f"n is {asked.n} and {name} asks for a stream; several draws come at once, "
                "so leave one of the two out.",
                "n",
            )
