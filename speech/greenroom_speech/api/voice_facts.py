"""What is kept of a saved voice beside its recording, read as what anybody may have written."""

import json
import unicodedata
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError

from greenroom.errors import GreenroomError
from greenroom_speech.api.openai_errors import invalid

Kept = Annotated[str, Field(max_length=4000)]
"""A text of a voice: all of them are kept in memory, and listed."""
LanguageName = Annotated[str, Field(max_length=40)]


def _plain(given: str) -> str:
    lines = given.replace("\r\n", "\n")  # which HTML forms make of line ends
    if any(unicodedata.category(sign) == "Cc" and sign not in "\n\t" for sign in lines):
        raise ValueError("it must have no control characters but line ends and tabs")
    return lines


def _visible(given: str) -> str:
    if not any(unicodedata.category(sign)[0] in "LNPS" for sign in given.translate(_BLANKS)):
        raise ValueError("it must say something")
    return given


_BLANKS = dict.fromkeys((0x115F, 0x1160, 0x2800, 0x3164, 0xFFA0))
"""Letters and a sign that show nothing."""
Plain = AfterValidator(_plain)
"""Of a text that is new; what is saved may have been written before there was this rule."""
Said = Annotated[Kept, Plain, AfterValidator(_visible)]


class OddVoice(Exception):
    """What lies in a voice's place is no voice; the message says why."""


class NoRecording(GreenroomError):
    """The voice is known, its recording is not there any more."""

    http_status = 410
    grpc_code = "DATA_LOSS"

    def __init__(self, name: str, why: str = "its file is missing or empty") -> None:
        super().__init__(f"The recording of voice {name!r} is lost: {why}.")
        self.name = name


@dataclass(frozen=True)
class Facts:
    """What is kept of a voice beside its recording."""

    __pydantic_config__ = ConfigDict(strict=True)

    name: str
    transcript: Kept
    language: LanguageName
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    consent: Kept
    created: Annotated[int, Field(ge=0, lt=2**63)]
    description: Kept = ""


@dataclass(frozen=True)
class SavedVoice(Facts):
    """A recording with its words, usable by name."""

    bundled: bool = False
    path: Path = Path()
    """Of the recording, FLAC, as the place has it that keeps the voice."""


_FACTS = TypeAdapter(Facts)


def facts_of(content: bytes, file: str) -> Facts:
    """What `written` wrote. Raises OddVoice, which says `file` for what was read."""
    try:
        return _FACTS.validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        why = str(invalid([first])).rstrip(".") if first["loc"] else first["msg"]
        raise OddVoice(f"{file}: {why}") from None


def written(voice: SavedVoice, **more: str) -> bytes:
    """JSON of what is kept; `more` are a place's own fields."""
    kept = asdict(voice)
    del kept["path"], kept["bundled"]
    return json.dumps(kept | more, ensure_ascii=False, indent=1).encode()
