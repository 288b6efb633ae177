"""Requests of /v1, as the OpenAPI document shows them."""

import base64
import binascii
import json
from contextlib import suppress
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from greenroom.plugin import Array
from greenroom_speech.api.formats import Format
from greenroom_speech.api.heard import TranscriptionOptions
from greenroom_speech.api.instructions import edits_in
from greenroom_speech.api.openai_errors import InvalidField
from greenroom_speech.api.tensor_fields import TensorField, tensors_of, text
from greenroom_speech.api.voice_facts import Kept, LanguageName, Plain, Said
from greenroom_speech.engines.embedded.languages import code_of
from greenroom_speech.engines.engine_tags import EngineTags
from greenroom_speech.engines.kokoro.voices import LANGUAGES
from greenroom_speech.engines.listening_task import TRANSCRIBE, TRANSLATE


def _file(given: Any) -> Any:
    """Take a multipart file as it is, a JSON string as base64."""
    if not isinstance(given, str):
        return given
    try:
        return base64.b64decode(given, validate=True)
    except binascii.Error:
        raise ValueError("it must be base64") from None


def _listed(given: Any) -> Any:
    """Values in several fields of a form, or in one with commas between or as JSON."""
    if isinstance(given, str):
        if given.lstrip().startswith("["):
            with suppress(ValueError, RecursionError):
                return json.loads(given)
        return [each.strip() for each in given.split(",")]
    if not isinstance(given, list):
        return [given]
    return [one for each in given for one in (_listed(each) if isinstance(each, str) else [each])]


Task = Literal["emotion", "style", "speed", "paralinguistic", "denoise", "vad"]
Speed = Annotated[float, Field(ge=0.25, le=4.0, description="Speed; 1 is the model's own.")]
Seed = Annotated[
    int,
    Field(
        ge=-(2**63),
        lt=2**63,
        description="The same seed gives the same speech. Without one, a random seed is used; "
        "the header X-Greenroom-Seed says which.",
    ),
]
Times = Annotated[int, Field(ge=1, le=5, description="How many times the task is applied.")]
File = Annotated[
    bytes,
    BeforeValidator(_file),
    Field(min_length=1),
    WithJsonSchema({"type": "string", "contentMediaType": "application/octet-stream"}),
]
AnyCase = BeforeValidator(lambda given: given.lower() if isinstance(given, str) else given)
StreamFormat = Annotated[Literal["audio", "sse"], AnyCase]
NonEmpty = Annotated[str, Field(min_length=1)]
CLONE = "clone"
OF_RECORDING = ("audio_language", "transcript")
"""Fields that mean something only for a reference recording."""


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ClientRequest(BaseModel):
    """A request that other servers take too, in which a client says more than is used here."""

    model_config = ConfigDict(extra="allow")

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {name: value for name, value in given.items() if value is not None}

    @property
    def ignored(self) -> list[str]:
        """Names of the fields that have no effect."""
        return sorted(self.model_extra or ())


def _voice_name(given: Any) -> Any:
    """OpenAI's voice may be an object with its id, Kokoro-FastAPI's a list; "" is none."""
    if isinstance(given, list) and len(given) == 1:
        given = given[0]
    name = given.get("id") if isinstance(given, dict) else given
    return None if name == "" else name


_VOICE = {
    "anyOf": [
        {"type": "string"},
        {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]},
        {"type": "null"},
    ]
}


class SpeechOptions(ClientRequest):
    """Who speaks, how, and in which format: OpenAI's fields and Greenroom's own."""

    model: str = Field("speech", description="Any name; there is one pipeline.")
    voice: Annotated[str | None, BeforeValidator(_voice_name), WithJsonSchema(_VOICE)] = Field(
        None,
        description="Name of a saved or bundled voice, one of OpenAI's, or an object with it as "
        "its id. Give this or reference_audio; without both the default voice speaks.",
    )
    response_format: Annotated[Format, AnyCase] = "mp3"
    speed: Speed = 1.0
    volume_multiplier: float = Field(
        1.0,
        ge=0,
        le=10,
        description="Factor for the volume; peaks that would be too loud are clipped.",
    )
    instructions: str | None = Field(
        None,
        description="How to speak. Words for an emotion or style that the engine knows become an "
        "edit; see /v1/tags.",
    )
    lang_code: str | None = Field(
        None, description="Same as language; the name that Kokoro-FastAPI uses."
    )
    language: Annotated[str | None, TensorField("LANGUAGE")] = Field(
        None, description="Language of the input, such as en or zh."
    )
    seed: Annotated[Seed | None, TensorField("SEED")] = None
    verify: bool = Field(
        False,
        description="Check each sentence with asr before it is sent, and generate it "
        "again if too many "
        "words are wrong. The header X-Greenroom-Word-Error-Rate and the last event have the rate.",
    )
    task: Task | None = Field(None, description="An edit to apply to the cloned speech.")
    task_info: str = Field("", description="Detail of the task, such as happy; see /v1/tags.")
    n_edits: Times = 1
    reference_audio: File | None = Field(
        None,
        description="Audio file of the voice to clone: base64 in JSON, the plain file in "
        "multipart.",
    )
    transcript: NonEmpty | None = Field(
        None, description="What reference_audio says. If not given, it is recognised."
    )
    audio_language: Annotated[str | None, TensorField("AUDIO_LANGUAGE")] = Field(
        None, description="Language of reference_audio, such as en; it helps the recognition."
    )

    @model_validator(mode="after")
    def _lang_code_is_language(self) -> Self:
        if self.lang_code and not self.language:
            self.language = LANGUAGES.get(self.lang_code.lower(), self.lang_code)
        if self.language and self.language.lower() == "auto":  # how vLLM-Omni's clients say it
            self.language = None
        return self

    @property
    def recording_field(self) -> str:
        """Which one brings the recording, if there is any."""
        return "voice" if self.reference_audio is None else "reference_audio"

    def tensors(self, known: EngineTags, recorded: bool) -> dict[str, Array]:
        """Those of the fields and the tasks; `recorded`: for a voice that has a recording."""
        tensors = tensors_of(self) | self.tasks(known)
        if not recorded:
            tensors.pop("AUDIO_LANGUAGE", None)
        return tensors

    def tasks(self, known: EngineTags) -> dict[str, Array]:
        """The tensors TASK and TASK_INFO: a clone, and the edits after it.

        `known` is what the engine can be asked for. Raises InvalidField for a lang_code that it
        does not speak.
        """
        if (
            self.lang_code
            and self.language
            and known.languages
            and code_of(self.language) not in known.languages
        ):
            spoken = ", ".join(known.languages)
            raise InvalidField(
                f"lang_code is {self.lang_code[:40]!r}; the engine speaks {spoken}.", "lang_code"
            )
        edits = [(self.task, self.task_info)] * self.n_edits if self.task else self._told(known)
        return {
            "TASK": text(CLONE, *(task for task, _ in edits)),
            "TASK_INFO": text("", *(info for _, info in edits)),
        }

    def left_out(self, known: EngineTags, recorded: bool = True) -> list[str]:
        """Names of the fields that have no effect with an engine and a voice, as for `tensors`."""
        unheard = () if recorded else OF_RECORDING
        fields = [*self.ignored, *(name for name in unheard if getattr(self, name))]
        followed = not self.instructions or (not self.task and self._told(known))
        return sorted(fields if followed else [*fields, "instructions"])

    def _told(self, known: EngineTags) -> list[tuple[str, str]]:
        return edits_in(self.instructions or "", known)


class SpeakerSegment(BaseModel):
    """What one speaker says."""

    model_config = ConfigDict(extra="forbid")

    voice: NonEmpty = Field(description="Name of a voice.")
    text: NonEmpty


class SpeechRequest(SpeechOptions):
    """A text to say."""

    segments: list[SpeakerSegment] | None = Field(
        None,
        min_length=1,
        max_length=1000,
        description="Texts of several speakers, one after another, in place of input. Lines of "
        "input that begin with a voice's name in brackets, such as [clara], do the same.",
    )

    n: int = Field(
        1,
        ge=1,
        le=4,
        description="How many versions of the text to make, each with its own seed. With more than "
        "1 the answer is JSON with all of them, best first.",
    )

    input: NonEmpty = Field(description="The text to say, of any length.")
    stream_format: StreamFormat = Field(
        "audio",
        description="audio: the response is the audio itself. sse: it is events that "
        "contain the audio.",
    )

    @model_validator(mode="before")
    @classmethod
    def _segments_are_the_input(cls, given: Any) -> Any:
        if not isinstance(given, dict) or not isinstance(given.get("segments"), list):
            return given
        if given.get("input"):
            raise ValueError("input or segments can be given, not both")
        texts = [each.get("text") for each in given["segments"] if isinstance(each, dict)]
        return {**given, "input": " ".join(text for text in texts if isinstance(text, str)) or "."}

    stream: bool = Field(
        True, description="Accepted, but without effect: audio is always sent as it is made."
    )


class SessionConfig(SpeechOptions):
    """How a WebSocket speaks."""

    response_format: Annotated[Format, AnyCase] = "pcm"
    stream_audio: bool = Field(
        True, description="true: audio is sent as it is made. false: one message for each sentence."
    )


class EditRequest(_Request):
    """A recording and what to change of it."""

    file: File = Field(description="The audio file.")
    task: Task
    task_info: str = Field("", description="Detail of the task, such as happy; see /v1/tags.")
    n_edits: Times = 1
    chain: Literal["codes", "afresh"] = Field(
        "codes",
        description="What each further edit starts from. codes: the audio codes of the "
        "edit before, "
        "which keeps the voice. afresh: its audio, analysed again, which makes an effect stronger.",
    )
    text: Annotated[NonEmpty | None, TensorField("TEXT")] = Field(
        None, description="The new text, for tasks that change the words."
    )
    transcript: NonEmpty | None = Field(
        None,
        description="What the file says. If not given, it is recognised; denoise and vad need "
        "none.",
    )
    language: Annotated[str | None, TensorField("LANGUAGE")] = None
    seed: Annotated[Seed | None, TensorField("SEED")] = None
    response_format: Format = "wav"

    def tasks(self) -> dict[str, Array]:
        """The tensors TASK and TASK_INFO of one request to the model."""
        times = 1 if self.chain == "afresh" else self.n_edits
        return {
            "TASK": text(*[self.task] * times),
            "TASK_INFO": text(*[self.task_info] * times),
        }


class TranscriptionRequest(ClientRequest):
    """OpenAI's request for the words of a recording."""

    task: ClassVar[str] = TRANSCRIBE

    file: File = Field(description="The recording, of any length, or a video.")
    model: str = Field("asr", description="Any name; there is one model.")
    language: str | None = Field(
        None, description="Language, such as en, english or en-US. If not given, it is detected."
    )
    response_format: Annotated[Literal["json", "text", "srt", "verbose_json", "vtt"], AnyCase] = (
        "json"
    )
    timestamp_granularities: Annotated[
        list[Literal["word", "segment"]], BeforeValidator(_listed)
    ] = Field(
        ["segment"],
        description="What gets times: word, segment or both. verbose_json has segments "
        "without being asked.",
    )
    stream: bool = Field(False, description="Send the words as events while they are recognised.")
    prompt: str | None = Field(
        None,
        description="Words that were said before the recording. Only some engines use "
        "them, such as whisper.",
    )
    hotwords: str | None = Field(
        None, description="Words that are likely to occur; they are added to the prompt."
    )

    @property
    def language_code(self) -> str | None:
        code = code_of(self.language)
        return None if code == "auto" else code

    def left_out(self, known: EngineTags) -> list[str]:
        """Names of the fields that have no effect with an engine."""
        named = "timestamp_granularities" in self.model_fields_set
        words = {"prompt": self.prompt, "hotwords": self.hotwords}
        unused = [name for name, given in words.items() if given and not known.prompted]
        untimed = ["timestamp_granularities"] if named and not self.times else []
        return sorted([*self.ignored, *unused, *untimed])

    @property
    def times(self) -> list[str]:
        """What the answer tells the times of, word or segment; subtitles have them anyway."""
        named = "timestamp_granularities" in self.model_fields_set
        holds = self.stream or self.response_format in ("json", "verbose_json")
        asked = holds and (named or self.response_format == "verbose_json")
        return list(self.timestamp_granularities) if asked else []

    @property
    def wanted(self) -> TranscriptionOptions:
        before = " ".join(filter(None, (self.hotwords, self.prompt)))
        subtitles = self.response_format in ("srt", "vtt") and not self.stream
        timed = subtitles or bool(self.times)
        return TranscriptionOptions(self.language_code, before, self.task, timed)


class TranslationRequest(TranscriptionRequest):
    """OpenAI's request for the words of a recording in English."""

    task: ClassVar[str] = TRANSLATE


class AnalysisRequest(_Request):
    """A recording that will be used as a reference."""

    file: File = Field(description="The audio file, with the same bytes as in the later request.")


class VoiceRequest(_Request):
    """A voice to keep."""

    name: NonEmpty
    file: File = Field(description="The recording, an audio file.")
    consent: Said = Field(
        min_length=1,
        description="Statement of who speaks and that this person agrees to be cloned.",
    )
    transcript: Said | None = Field(
        None,
        min_length=1,
        description="What the recording says. If not given, it is recognised.",
    )
    language: Annotated[LanguageName, Plain] = Field(
        "", description="Language of the recording, such as en."
    )
    description: Annotated[Kept, Plain] = ""


class VoiceChange(BaseModel):
    """A correction of a saved voice."""

    model_config = ConfigDict(extra="forbid")

    transcript: Said = Field(min_length=1)
