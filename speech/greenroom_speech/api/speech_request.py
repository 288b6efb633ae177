"""Requests for speech, and what of them becomes a tensor."""

from typing import Annotated, Any, Self

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
from greenroom_speech.api.instructions import edits_in
from greenroom_speech.api.openai_errors import InvalidField
from greenroom_speech.api.request_fields import (
    AnyCase,
    ClientRequest,
    File,
    NonEmpty,
    Seed,
    Speed,
    StreamFormat,
    Task,
    Times,
)
from greenroom_speech.api.tensor_fields import TensorField, tensors_of, text
from greenroom_speech.engines.embedded.languages import code_of
from greenroom_speech.engines.engine_tags import EngineTags
from greenroom_speech.engines.kokoro.voices import LANGUAGES

CLONE = "clone"
OF_RECORDING = ("audio_language", "transcript")
"""Fields that mean something only for a reference recording."""


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
