"""Voices that the server keeps."""

from typing import TypedDict


class Voice(TypedDict):
    """A recording that can be used by its name."""

    name: str
    language: str
    transcript: str
    description: str
    seconds: float
    bundled: bool
    created: int
    consent: str
