"""What an engine of tts can be asked for, told without importing the engine."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec

from greenroom.managed.engine_choice import engine_path


@dataclass(frozen=True)
class EngineTags:
    """The choices of one engine."""

    tasks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Each task with the values of its TASK_INFO; none where it takes none."""
    languages: tuple[str, ...] = ()
    """Values of LANGUAGE."""
    text_tags: tuple[str, ...] = ()
    """Tags that may stand in TEXT."""


def tags_of(model: str, engine: str) -> EngineTags:
    """``TAGS`` of the module ``tags`` beside the engine's; empty if there is none.

    Raises SetupError if the model has no such engine.
    """
    module = engine_path(model, engine).partition(":")[0]
    beside = ".".join([*module.split(".")[:-1], "tags"])
    if find_spec(beside) is None:
        return EngineTags()
    tags: EngineTags = import_module(beside).TAGS
    return tags
