"""The words of a request, checked."""

from greenroom.errors import InvalidInput
from greenroom.managed.engine import Tensors
from greenroom_speech.settings import EngineSettings

UNSPEAKABLE = "nothing in it can be spoken"
"""How an engine says that a text has no sound in its language."""


def word(request: Tensors, name: str) -> str | None:
    """A text tensor of one element; None where it is absent. InvalidInput for another size."""
    if name not in request:
        return None
    values = request[name].reshape(-1)
    if values.size != 1:
        raise InvalidInput(f"{name} has {values.size} values; it must have 1.")
    return str(values[0])


def words(request: Tensors, name: str) -> list[str] | None:
    """A text tensor of any length; None where it is absent."""
    return [str(item) for item in request[name].reshape(-1)] if name in request else None


def bounded(name: str, value: str, settings: EngineSettings) -> str:
    """The text again; InvalidInput for more than ``max_text_chars`` characters."""
    if len(value) > settings.max_text_chars:
        raise InvalidInput(
            f"{name} has {len(value)} characters; it must have at most {settings.max_text_chars}."
        )
    return value
