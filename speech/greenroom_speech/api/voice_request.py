"""Requests to keep a voice, and to correct one."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from greenroom_speech.api.request_fields import File, NonEmpty, StrictRequest
from greenroom_speech.api.voice_facts import Kept, LanguageName, Plain, Said


class VoiceRequest(StrictRequest):
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
