"""How the endpoints' bodies and answers stand in the OpenAPI document."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from greenroom_speech.api.formats import MEDIA_TYPE_OF
from greenroom_speech.api.openai_errors import invalid

_Model = TypeVar("_Model", bound=BaseModel)

_SOUND = {"schema": {"type": "string", "format": "binary"}}
AUDIO_ANSWER: dict[str, Any] = {
    "description": "The audio, sent as it is made. X-Greenroom-Start is cold, warm or hot; "
    "Server-Timing has the milliseconds of waiting and of each model, of tts until its first "
    "sound; X-Greenroom-Transcript has the words of the reference, percent-encoded.",
    # Events are JSON each, described in docs/streaming.md.
    "content": {**dict.fromkeys(MEDIA_TYPE_OF.values(), _SOUND), "text/event-stream": {}},
}


def body_of(kind: type[BaseModel], *media_types: str) -> dict[str, Any]:
    """The part of an operation that describes a body which the endpoint reads itself."""
    schema = kind.model_json_schema()
    content = {media_type: {"schema": schema} for media_type in media_types}
    return {"requestBody": {"required": True, "content": content}}


def checked(kind: type[_Model], fields: Mapping[str, Any]) -> _Model:
    """Raises InvalidField."""
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        raise invalid(error.errors()) from None
