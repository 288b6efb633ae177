"""Answers of /v1, as the OpenAPI document shows them."""

from typing import Any, Literal

from pydantic import BaseModel, Field


class Usage(BaseModel):
    """What a transcription took."""

    type: Literal["duration"] = "duration"
    seconds: float


class TimedWord(BaseModel):
    """A word and its seconds."""

    word: str
    start: float
    end: float


class TimedSegment(BaseModel):
    """A sentence and its seconds. OpenAI's other fields stand here for clients that need them."""

    id: int
    seek: int = 0
    start: float
    end: float
    text: str
    tokens: list[int] = Field([], description="Always empty.")
    temperature: float = 0.0
    avg_logprob: float = Field(0.0, description="Not measured: always 0, like the two below.")
    compression_ratio: float = 0.0
    no_speech_prob: float = 0.0


class Transcription(BaseModel):
    """The words of a recording."""

    text: str
    usage: Usage | None = None
    segments: list[TimedSegment] | None = Field(
        None, description="Absent if the engine does not determine times."
    )
    words: list[TimedWord] | None = None


class VerboseTranscription(Transcription):
    """The words and what else is known."""

    task: Literal["transcribe", "translate"] = "transcribe"
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


class NamedVoice(BaseModel):
    """A voice as other servers list it."""

    id: str
    name: str
    language: str = Field("", description="The one that it says by nature; empty if unknown.")
    languages: list[str] = Field([], description="All that it can be asked for; empty if unknown.")
    gender: str = ""


class NamedVoices(BaseModel):
    """All voices that can be asked for."""

    voices: list[NamedVoice]


class NamedModel(BaseModel):
    """A model as other servers list it."""

    id: str
    name: str


class NamedModels(BaseModel):
    """All models of speech and transcription."""

    models: list[NamedModel]


class ModelList(BaseModel):
    """All models."""

    object: Literal["list"] = "list"
    data: list[ModelObject]


class Tags(BaseModel):
    """What the engine of tts can be asked for, and what asr hears."""

    engine: str
    tasks: dict[str, list[str]] = Field(
        description="Each task with the values that task_info may have; empty if it takes none."
    )
    languages: list[str]
    text_tags: list[str] = Field(description="Tags that the text may contain.")
    longest_reference: float = Field(description="Longest reference recording, in seconds.")
    heard: list[str] = Field(
        description="Languages that asr recognises; empty if it detects any language itself."
    )


class DrawObject(BaseModel):
    """One of several draws of a text."""

    seed: int = Field(
        description="A request with this seed gives the same speech; 0 if the engine "
        "does not use a seed."
    )
    audio: str = Field(description="The file, base64.")
    format: str
    word_error_rate: float = Field(
        description="Share of words that asr recognises differently from the text."
    )
    similarity: float | None = Field(
        description="Cosine similarity of the speaker embeddings of speech and "
        "reference; null without one."
    )


class Draws(BaseModel):
    """Several draws of a text, best first."""

    draws: list[DrawObject]


class ErrorBody(BaseModel):
    """OpenAI's error object."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorAnswer(BaseModel):
    """Every answer that is not a success."""

    error: ErrorBody


def headers_of(**described: str) -> dict[str, Any]:
    """How headers stand in the OpenAPI document; x-request-id, which all answers have, too."""
    every = {"x_request_id": "The client's own, or a new one.", **described}
    return {
        name.replace("_", "-"): {"description": description, "schema": {"type": "string"}}
        for name, description in every.items()
    }


RUN_HEADERS = {
    "X_Greenroom_Start": "cold, warm or hot: how the coldest of the models was found.",
    "X_Greenroom_Wait_Seconds": "How long the request waited for its models.",
    "Server_Timing": "Milliseconds of waiting and of each model, of tts until its first sound.",
    "X_Greenroom_Ignored": "Fields of the request that had no effect.",
}

ERRORS: dict[int | str, dict[str, Any]] = {
    status: {
        "model": ErrorAnswer,
        "description": description,
        "headers": headers_of(**({"Retry_After": "Seconds."} if status == 503 else {})),
    }
    for status, description in {
        400: "A field is wrong; the message names the field, its value and the rule.",
        401: "The API key is missing or unknown.",
        403: "The API key does not have the scope that the call needs.",
        404: "There is no such voice or model.",
        408: "The body arrived too slowly.",
        409: "A voice of that name exists.",
        410: "The recording of the voice is missing.",
        413: "The body is too large, or the recording too long.",
        503: "The request cannot be served now. Retry-After says when to try again, the "
        "message says why.",
        507: "The folder of the voices cannot be written: the disk is full, the quota is used up, "
        "or it is read-only.",
    }.items()
}
