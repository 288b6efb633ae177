"""Requests for the words of a recording."""

import json
from contextlib import suppress
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from greenroom_speech.api.heard import TranscriptionOptions
from greenroom_speech.api.request_fields import AnyCase, ClientRequest, File
from greenroom_speech.engines.embedded.languages import code_of
from greenroom_speech.engines.engine_tags import EngineTags
from greenroom_speech.engines.listening_task import TRANSCRIBE, TRANSLATE


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
