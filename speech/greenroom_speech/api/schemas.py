"""Requests and answers of /v1, as the OpenAPI document shows them."""

import base64
import binascii
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from greenroom.plugin import Array
from greenroom_speech.api.formats import Format
from greenroom_speech.api.tensor_fields import TensorField, text


def _file(given: Any) -> Any:
    """Take a multipart file as it is, a JSON string as base64."""
    if not isinstance(given, str):
        return given
    try:
        return base64.b64decode(given, validate=True)
    except binascii.Error:
        raise ValueError("it must be base64") from None


Task = Literal["emotion", "style", "speed", "paralinguistic", "denoise", "vad"]
Speed = Annotated[float, Field(ge=0.25, le=4.0, description="Speed; 1 is the model's own.")]
Seed = Annotated[
    int, Field(ge=-(2**63), lt=2**63, description="The same seed gives the same speech.")
]
Times = Annotated[int, Field(ge=1, le=5, description="How many times the task is applied.")]
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

    model: str = Field("speech", description="Any name; there is one pipeline.")
    input: Annotated[NonEmpty, TensorField("TEXT")] = Field(description="The text to say.")
    voice: str | None = Field(
        None, description="Name of a saved or bundled voice. Give this or reference_audio."
    )
    response_format: Format = "mp3"
    speed: Speed = 1.0
    stream_format: Literal["audio"] = Field(
        "audio", description="The response is the audio itself."
    )
    language: Annotated[str | None, TensorField("LANGUAGE")] = Field(
        None, description="Language of the input, such as en or zh."
    )
    seed: Annotated[Seed | None, TensorField("SEED")] = None
    task: Task | None = Field(None, description="An edit to apply to the cloned speech.")
    task_info: str = Field("", description="Detail of the task, such as happy; see /v1/tags.")
    n_edits: Times = 1
    reference_audio: File | None = Field(
        None,
        description="Audio file of the voice to clone: base64 in JSON, as it is in multipart.",
    )
    transcript: NonEmpty | None = Field(
        None, description="What reference_audio says. If not given, it is recognised."
    )

    def tasks(self) -> dict[str, Array]:
        """The tensors TASK and TASK_INFO: a clone, and the edits after it."""
        edits = self.n_edits if self.task else 0
        return {
            "TASK": text(CLONE, *[self.task or ""] * edits),
            "TASK_INFO": text("", *[self.task_info] * edits),
        }


class EditRequest(_Request):
    """A recording and what to change of it."""

    file: File = Field(description="The audio file.")
    task: Task
    task_info: str = Field("", description="Detail of the task, such as happy; see /v1/tags.")
    n_edits: Times = 1
    text: Annotated[NonEmpty | None, TensorField("TEXT")] = Field(
        None, description="The new text, for tasks that change the words."
    )
    transcript: NonEmpty | None = Field(
        None, description="What the file says. If not given, it is recognised."
    )
    language: Annotated[str | None, TensorField("LANGUAGE")] = None
    seed: Annotated[Seed | None, TensorField("SEED")] = None
    response_format: Format = "wav"

    def tasks(self) -> dict[str, Array]:
        """The tensors TASK and TASK_INFO: the same edit `n_edits` times."""
        return {
            "TASK": text(*[self.task] * self.n_edits),
            "TASK_INFO": text(*[self.task_info] * self.n_edits),
        }


class TranscriptionRequest(_Request):
    """OpenAI's request for the words of a recording."""

    file: File = Field(description="The audio file.")
    model: str = Field("asr", description="Any name; there is one model.")
    language: str | None = Field(
        None, description="Language, such as en. If not given, it is detected."
    )
    response_format: Literal["json", "text", "verbose_json"] = "json"
    temperature: float | None = Field(
        None, ge=0, le=1, description="Accepted for compatibility, has no effect."
    )
    prompt: str | None = Field(None, description="Accepted for compatibility, has no effect.")


class AnalysisRequest(_Request):
    """A recording that will be used as a reference."""

    file: File = Field(description="The audio file, with the same bytes as in the later request.")


class VoiceRequest(_Request):
    """A voice to keep."""

    name: NonEmpty
    file: File = Field(description="The recording, an audio file.")
    consent: NonEmpty = Field(
        description="Statement of who speaks and that this person agrees to be cloned."
    )
    transcript: NonEmpty | None = Field(
        None, description="What the recording says. If not given, it is recognised."
    )
    language: str = Field("", description="Language of the recording, such as en.")
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
    language: str = Field(description="Language of the recording; empty if unknown.")
    duration: float = Field(description="Length of the recording, in seconds.")


class VoiceObject(BaseModel):
    """A voice that can be used by name."""

    id: str
    object: Literal["voice"] = "voice"
    name: str
    language: str = Field(description="Language of the recording; empty if unknown.")
    transcript: str
    description: str = ""
    seconds: float = Field(description="Length of the recording, in seconds.")
    bundled: bool = Field(
        description="Whether it comes with Greenroom; such voices cannot be deleted."
    )
    created: int = Field(description="Unix time in seconds; 0 for bundled voices.")
    consent: str = Field(description="The statement of consent given with the recording.")


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
    residency: str | dict[str, str] = Field(
        description="Where the weights are; for a pipeline, by model."
    )


class ModelList(BaseModel):
    """All models."""

    object: Literal["list"] = "list"
    data: list[ModelObject]


class Tags(BaseModel):
    """What the engine of tts can be asked for."""

    engine: str
    tasks: dict[str, list[str]] = Field(
        description="Each task with the values that task_info may have; empty if it takes none."
    )
    languages: list[str]
    text_tags: list[str] = Field(description="Tags that the text to say may contain.")


class ErrorBody(BaseModel):
    """OpenAI's error object."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorAnswer(BaseModel):
    """Every answer that is not a success."""

    error: ErrorBody


ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorAnswer, "description": description}
    for status, description in {
        400: "A field is wrong; the message names the field, its value and the rule.",
        401: "The API key is missing or unknown.",
        403: "The API key lacks the scope.",
        404: "There is no such voice or model.",
        408: "The body arrived too slowly.",
        409: "A voice of that name exists.",
        410: "The recording of the voice is lost.",
        413: "The body is too large, or the recording too long.",
        503: "The request cannot be served now; see Retry-After. The message has the reason.",
        507: "The folder of the voices cannot be written: no space, over quota or read-only.",
    }.items()
}
