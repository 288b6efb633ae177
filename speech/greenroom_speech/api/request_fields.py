"""What requests of /v1 have in common, as the OpenAPI document shows it."""

import base64
import binascii
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)


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


class StrictRequest(BaseModel):
    """A request of Greenroom's own, in which every field must be known."""

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
