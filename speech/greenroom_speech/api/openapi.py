"""How the endpoints' bodies and answers stand in the OpenAPI document."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from greenroom_speech.api.answers import RUN_HEADERS, headers_of
from greenroom_speech.api.formats import MEDIA_TYPE_OF
from greenroom_speech.api.openai_errors import invalid

_Model = TypeVar("_Model", bound=BaseModel)

_SOUND = {"schema": {"type": "string", "format": "binary"}}
AUDIO_ANSWER: dict[str, Any] = {
    "description": "The audio, sent as it is made.",
    "headers": headers_of(
        **RUN_HEADERS,
        X_Greenroom_Engine="Another engine, which said the language of the text.",
        X_Greenroom_Seed="Gives the same speech again; 0 if the engine does not use a seed.",
        X_Greenroom_Transcript="The words of the reference, percent-encoded.",
        X_Greenroom_Unsaid="What of the text was left out, percent-encoded.",
        X_Greenroom_Warning="What was known to be wrong when the sound began, percent-encoded.",
        X_Greenroom_Word_Error_Rate="Of what was verified when the sound began.",
    ),
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
