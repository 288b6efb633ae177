"""Requests and how their answers are read: all that Client and AsyncClient share.

A Call does no input or output of its own, so each client method is one line: build a Call,
let httpx carry it, hand the answer to ``Call.read``.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar, cast
from urllib.parse import quote

import httpx

from greenroom_client import sound_files
from greenroom_client.answers import json_object
from greenroom_client.audio import Audio, file_of
from greenroom_client.errors import InvalidInput, ServerError
from greenroom_client.inputs import (
    OneOrMore,
    Tensors,
    audio_inputs,
    seed_input,
    task_inputs,
    task_inputs_of_clone,
    word_inputs,
)
from greenroom_client.residency import Action, Event, ModelResidency, ResidencyReport
from greenroom_client.speech import Speech, Transcript, text_in
from greenroom_client.tensors import HEADER_LENGTH, Outputs, encode
from greenroom_client.voices import Voice

Answer = TypeVar("Answer")
EVENTS_PATH = "/residency/events"
VOICES_PATH = "/v1/voices"
WORDLESS = frozenset(("denoise", "vad"))
"""Edits that need no words."""
_ADDS_SOUNDS = "paralinguistic"
"""The edit that changes the words."""
Form = Literal["txt", "srt", "vtt", "json"]
_FORMATS = {"txt": "text", "srt": "srt", "vtt": "vtt", "json": "verbose_json"}
"""What the server calls them."""


@dataclass(frozen=True)
class Call(Generic[Answer]):
    """One HTTP request, and the reading of an answer with a good status."""

    method: str
    path: str
    read: Callable[[httpx.Response], Answer]
    content: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    patient: bool = False
    """It may take hours."""


def clone(
    audio: Audio,
    text: str,
    transcript: str | None,
    language: str | None,
    task: OneOrMore | None,
    task_info: OneOrMore | None,
    seed: int | None,
    audio_language: str | None,
) -> Call[Speech]:
    if isinstance(text, str) and not text.strip():
        raise InvalidInput("the text to say is empty; it must have at least one word.")
    words = word_inputs(
        text=text, transcript=transcript, language=language, audio_language=audio_language
    )
    if "TEXT" not in words:
        raise InvalidInput("the text to say is missing; it must have at least one word.")
    tasks = task_inputs_of_clone(task, task_info)
    return _speech(words | tasks | seed_input(seed) | audio_inputs(audio), text)


def edit(
    audio: Audio | Speech,
    task: OneOrMore,
    info: OneOrMore | None,
    text: str | None,
    transcript: str | None,
    language: str | None,
    seed: int | None,
    audio_language: str | None,
) -> Call[Speech]:
    """``text``: only if the words change.

    The words of what the service has made go along, and denoise and vad need none.
    """
    if isinstance(audio, Speech):
        transcript = transcript or audio.text or None
        audio = (audio.samples, audio.sample_rate)
    elif transcript is None and isinstance(audio, str | os.PathLike) and sound_files.installed:
        transcript = text_in(audio)
    words = word_inputs(
        text=text, transcript=transcript, language=language, audio_language=audio_language
    )
    tasks = task_inputs(task, info)
    if not tasks:
        raise InvalidInput("the task is missing; an edit needs at least one.")
    if transcript is None and set(tasks["TASK"]) <= WORDLESS:
        words |= word_inputs(transcript="")
    return _speech(words | tasks | seed_input(seed) | audio_inputs(audio), text or transcript)


def one_by_one(
    task: OneOrMore, info: OneOrMore | None, text: str | None
) -> list[tuple[str, str, str | None]]:
    """Each task with its detail and the new words, where it is one that changes them."""
    tasks = task_inputs(task, info)
    if not tasks:
        raise InvalidInput("the task is missing; an edit needs at least one.")
    names, details = list(tasks["TASK"]), list(tasks["TASK_INFO"])
    # Where none changes the words, the server says so.
    changing = {_ADDS_SOUNDS} & set(names) or set(names)
    return [
        (name, detail, text if name in changing else None)
        for name, detail in zip(names, details, strict=True)
    ]


def transcribe(audio: Audio, language: str | None) -> Call[Transcript]:
    inputs = word_inputs(audio_language=language) | audio_inputs(audio)
    return _infer("asr", inputs, ("TRANSCRIPT", "AUDIO_LANGUAGE"), _read_transcript)


def transcribe_file(
    audio: Audio, form: Form, words: bool, translate: bool, language: str | None
) -> Call[str]:
    """Of any length."""
    if form not in _FORMATS:
        raise InvalidInput(f"the format is {form!r}; it must be one of {', '.join(_FORMATS)}.")
    fields: dict[str, str | list[str]] = {"response_format": _FORMATS[form]}
    if form == "json":
        fields["timestamp_granularities"] = ["segment", "word"] if words else ["segment"]
    if language:
        fields["language"] = language
    body, content_type = _form(fields, file_of(audio))
    path = f"/v1/audio/{'translations' if translate else 'transcriptions'}"
    return Call(
        "POST",
        path,
        lambda response: response.text,
        body,
        {"Content-Type": content_type},
        patient=True,
    )


def residency() -> Call[ResidencyReport]:
    return Call("GET", "/residency", _read_residency)


def act(model: str, action: Action) -> Call[ModelResidency]:
    """The answer comes when the state is reached."""
    return Call(
        "POST",
        f"/residency/{_quoted(model)}/{action}",
        lambda response: cast(ModelResidency, json_object(response.content)),
    )


def set_policy(model: str, fields: Mapping[str, bool | int | float | None]) -> Call[ModelResidency]:
    """Fields that are None stay as they are."""
    changed = {name: value for name, value in fields.items() if value is not None}
    return Call(
        "PATCH",
        f"/residency/{_quoted(model)}",
        lambda response: cast(ModelResidency, json_object(response.content)),
        json.dumps(changed).encode(),
        {"Content-Type": "application/json"},
    )


def metadata(model: str) -> Call[dict[str, Any]]:
    """A cold model is described too."""
    return Call(
        "GET", f"/v2/models/{_quoted(model)}", lambda response: json_object(response.content)
    )


def voices() -> Call[list[Voice]]:
    return Call(
        "GET",
        VOICES_PATH,
        lambda response: cast(list[Voice], json_object(response.content).get("data", [])),
    )


def save_voice(
    name: str, recording: bytes, consent: str, transcript: str | None, language: str | None
) -> Call[Voice]:
    """``recording``: an audio file's bytes."""
    fields = {"name": name, "consent": consent, "transcript": transcript, "language": language}
    body, content_type = _form({key: value for key, value in fields.items() if value}, recording)
    return Call(
        "POST",
        VOICES_PATH,
        lambda response: cast(Voice, json_object(response.content)),
        body,
        {"Content-Type": content_type},
    )


def delete_voice(name: str) -> Call[None]:
    return Call("DELETE", f"{VOICES_PATH}/{_quoted(name, 'voice')}", lambda response: None)


def _form(fields: Mapping[str, str | list[str]], recording: bytes) -> tuple[bytes, str]:
    """A multipart body with an audio file, and its content type."""
    form = httpx.Request(
        "POST", "http://form", data=dict(fields), files={"file": ("recording", recording)}
    )
    return form.read(), str(form.headers["Content-Type"])


def _quoted(name: str, what: str = "model") -> str:
    if not isinstance(name, str) or not name:
        raise InvalidInput(f"the {what} is {name!r}; it must be a name.")
    return quote(name, safe="")


def read_event(data: str) -> Event:
    return cast(Event, json_object(data))


def _infer(
    model: str, inputs: Tensors, outputs: Sequence[str], read: Callable[[Outputs], Answer]
) -> Call[Answer]:
    content, headers = encode(inputs, outputs)

    def answer(response: httpx.Response) -> Answer:
        return read(Outputs.decode(response.content, response.headers.get(HEADER_LENGTH)))

    return Call("POST", f"/v2/models/{model}/infer", answer, content, headers)


def _speech(inputs: Tensors, text: str | None) -> Call[Speech]:
    outputs = ("WAVEFORM", "WAVEFORM_RATE", "PROMPT_TRANSCRIPT", "SEED_USED")
    return _infer("speech", inputs, outputs, lambda found: _read_speech(found, text))


def _read_speech(outputs: Outputs, text: str | None) -> Speech:
    heard = outputs.text("PROMPT_TRANSCRIPT")
    return Speech(
        outputs.samples("WAVEFORM"),
        outputs.rate("WAVEFORM_RATE"),
        heard,
        outputs.whole_number("SEED_USED"),
        text or heard,
    )


def _read_transcript(outputs: Outputs) -> Transcript:
    return Transcript(outputs.text("TRANSCRIPT"), outputs.text("AUDIO_LANGUAGE"))


def _read_residency(response: httpx.Response) -> ResidencyReport:
    content = json_object(response.content)
    if not isinstance(content.get("models"), dict):
        raise ServerError("the server's answer names no models; is this a Greenroom server?")
    return cast(ResidencyReport, content)
