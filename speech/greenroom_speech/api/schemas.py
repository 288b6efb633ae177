"""Requests and answers of /v1, as the OpenAPI document shows them."""

import base64
import binascii
from typing import Annotated, Any, Literal

from greenroom_speech.api.formats import Format
from greenroom_speech.api.tensor_fields import TensorField, text
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from greenroom.plugin import Array


def _file(given: Any) -> Any:
    """Take a multipart file as it is, a JSON string as base64."""
    if not isinstance(given, str):
        return given
    try:
        return base64.b64decode(given, validate=True)
    except binascii.Error:
        raise ValueError("it must be base64") from None


Task = Literal["emotion", "style", "speed", "paralinguistic", "denoise", "vad"]
Speed = Annotated[float, Field(ge=0.25, le=4.0, description="1 is the model's own pace")]
Seed = Annotated[int, Field(ge=-(2**63), lt=2**63, description="the same seed, the same speech")]
Times = Annotated[int, Field(ge=1, le=5, description="how often the task is applied")]
File = Annotated[
    bytes,
    BeforeValidator(_file),
    Field(min_length=1),
    WithJsonSchema({"type": "string", "contentMediaType": "application/octet-stream"}),
]
NonEmpty = Annotated[str, Field(min_length=1)]
CLONE = "clone"


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SpeechRequest(_Request):
    """OpenAI's request for speech, and Greenroom's own fields."""

    model: str = Field("speech", description="any name: there is one pipeline")
    input: Annotated[NonEmpty, TensorField("TEXT")] = Field(description="what to say")
    voice: str | None = Field(None, description="a saved or bundled voice; or give reference_audio")
    response_format: Format = "mp3"
    speed: Speed = 1.0
    stream_format: Literal["audio"] = Field("audio", description="the sound itself")
    language: Annotated[str | None, TensorField("LANGUAGE")] = Field(
        None, description="of the input, such as en or zh"
    )
    seed: Annotated[Seed | None, TensorField("SEED")] = None
    task: Task | None = Field(None, description="an edit of the cloned speech")
    task_info: str = Field("", description="of the task, such as happy; see /v1/tags")
    n_edits: Times = 1
    reference_audio: File | None = Field(
        None, description="an audio file to clone from: in JSON base64, in multipart the file"
    )
    transcript: NonEmpty | None = Field(
        None, description="the words of reference_audio; else they are recognised"
    )

    def tasks(self) -> dict[str, Array]:
        """Return the tensors of the clone and what follows it."""
        edits = self.n_edits if self.task else 0
        return {
            "TASK": text(CLONE, *[self.task or ""] * edits),
            "TASK_INFO": text("", *[self.task_info] * edits),
        }


class EditRequest(_Request):
    """A recording and what to change of it."""

    file: File = Field(description="the audio file")
    task: Task
    task_info: str = Field("", description="such as happy; see /v1/tags")
    n_edits: Times = 1
    text: Annotated[NonEmpty | None, TensorField("TEXT")] = Field(
        None, description="the new words, where the task changes them"
    )
    transcript: NonEmpty | None = Field(None, description="the words of the file; else recognised")
    language: Annotated[str | None, TensorField("LANGUAGE")] = None
    seed: Annotated[Seed | None, TensorField("SEED")] = None
    response_format: Format = "wav"

    def tasks(self) -> dict[str, Array]:
        """Return the tensors of the edits."""
        return {
            "TASK": text(*[self.task] * self.n_edits),
            "TASK_INFO": text(*[self.task_info] * self.n_edits),
        }


class TranscriptionRequest(_Request):
    """OpenAI's request for the words of a recording."""

    file: File = Field(description="the audio file")
    model: str = Field("asr", description="any name: there is one model")
    language: str | None = Field(None, description="such as en; absent: found by the engine")
    response_format: Literal["json", "text", "verbose_json"] = "json"
    temperature: float | None = Field(None, ge=0, le=1, description="taken, without effect")
    prompt: str | None = Field(None, description="taken, without effect")


class AnalysisRequest(_Request):
    """A recording that will be used as a reference."""

    file: File = Field(description="the audio file, as it will be sent again")


class VoiceRequest(_Request):
    """A voice to keep."""

    name: NonEmpty
    file: File = Field(description="the recording, an audio file")
    consent: NonEmpty = Field(
        description="who speaks, and that this person agrees to the voice being cloned"
    )
    transcript: NonEmpty | None = Field(None, description="its words; else they are recognised")
    language: str = Field("", description="of the recording, such as en")
    description: str = ""


class Usage(BaseModel):
    """What a transcription took."""

    type: Literal["duration"] = "duration"
    seconds: float


class Transcription(BaseModel):
    """The words of a recording."""

    text: str
    usage: Usage | None = None


class VerboseTranscription(Transcription):
    """The words and what else is known; no engine gives segments."""

    task: Literal["transcribe"] = "transcribe"
    language: str = Field(description="empty where the engine does not know")
    duration: float = Field(description="seconds")


class VoiceObject(BaseModel):
    """A voice that can be used by name."""

    id: str
    object: Literal["voice"] = "voice"
    name: str
    language: str = Field(description="of the recording; empty if unknown")
    transcript: str
    description: str = ""
    seconds: float = Field(description="length of the recording")
    bundled: bool = Field(description="comes with Greenroom and cannot be deleted")
    created: int = Field(description="unix seconds; 0 for bundled ones")
    consent: str = Field(description="the statement that was given with the recording")


class VoiceChange(BaseModel):
    """A correction of a saved voice."""

    model_config = ConfigDict(extra="forbid")

    transcript: str = Field(min_length=1)


class VoiceList(BaseModel):
    """All voices."""

    object: Literal["list"] = "list"
    data: list[VoiceObject]


class Deleted(BaseModel):
    """What was deleted."""

    id: str
    object: str
    deleted: Literal[True] = True


class ModelObject(BaseModel):
    """A model, OpenAI's fields and where its weights are."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: Literal["greenroom"] = "greenroom"
    residency: str | dict[str, str] = Field(description="of a pipeline: that of each of its models")


class ModelList(BaseModel):
    """All models."""

    object: Literal["list"] = "list"
    data: list[ModelObject]


class Tags(BaseModel):
    """What the engine of tts can be asked for."""

    engine: str
    tasks: dict[str, list[str]] = Field(
        description="each task with the values of task_info; an empty list: it takes none"
    )
    languages: list[str]
    text_tags: list[str] = Field(description="tags that may stand in the text to say")


class ErrorBody(BaseModel):
    """OpenAI's error object."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorAnswer(BaseModel):
    """Every answer that is no success."""

    error: ErrorBody


ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorAnswer, "description": description}
    for status, description in {
        400: "a field is wrong; the message names it, its value and the rule",
        401: "no key, or an unknown one",
        403: "the key's scope is too small",
        404: "no such voice or model",
        408: "the body came too slowly",
        409: "that name is taken",
        410: "the voice's recording is lost",
        413: "the body is too large, or the recording too long",
        503: "not now: see Retry-After; the message says the state and the seconds so far",
        507: "the folder of the voices can not be written: no space, quota, read-only",
    }.items()
}
