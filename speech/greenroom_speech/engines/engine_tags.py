"""What an engine of tts or asr can be asked for, told without importing the engine."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec

from greenroom.managed.engine_choice import engine_path


@dataclass(frozen=True)
class EngineVoice:
    """A voice of the engine's own, which needs no reference."""

    name: str
    """A value of VOICE."""
    language: str
    gender: str
    speaks: tuple[str, ...] = ()
    """All languages that it can say; none: any that its engine can."""

    @property
    def says(self) -> str:
        """Its language, or the first that it can say where it has only the accent of that."""
        only_accent = self.speaks and self.language not in self.speaks
        return self.speaks[0] if only_accent else self.language


@dataclass(frozen=True)
class EngineTags:
    """The choices of one engine."""

    tasks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Each task with the values of its TASK_INFO; none where it takes none."""
    languages: tuple[str, ...] = ()
    """Values of LANGUAGE."""
    text_tags: tuple[str, ...] = ()
    """Tags that may stand in TEXT."""
    language_tags: tuple[str, ...] = ()
    """Tags that TEXT may begin with."""
    voices: tuple[EngineVoice, ...] = ()
    """The engine's own; there may be more values of VOICE, such as blends of them."""
    scripts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Of a language the scripts that it reads, by the first word of their letters' names in
    Unicode; it has no sound for others. A language that is not listed has one for any."""
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    """Languages that another engine says, with its name."""
    tokenizer: str = ""
    """The engine of tokenizer whose features it takes; "" says nothing."""

    prompted: bool = False
    """An engine of asr: it uses PROMPT, the words before or likely ones."""

    def voice(self, asked: str) -> str | None:
        """The value of VOICE with the engine's own voices, in any case; None if one is none."""
        known = {own.name.casefold(): own.name for own in self.voices}
        found = []
        for part in asked.split("+"):
            name, bracket, weight = part.partition("(")
            if (own := known.get(name.strip().casefold())) is None:
                return None
            found.append((own + bracket + weight).strip())
        return "+".join(found)

    def spoken_by(self, voice: str) -> tuple[str, ...]:
        """The languages that a value of VOICE can say; none: any that the engine can."""
        limits = [own.speaks for own in self.voices if own.name in parts_of(voice) and own.speaks]
        return min(limits, key=len, default=())

    @property
    def kept(self) -> tuple[str, ...]:
        """What is no word in TEXT."""
        return (*self.language_tags, *self.text_tags)


def parts_of(voice: str) -> list[str]:
    """The voices of a blend."""
    return [part.partition("(")[0].strip() for part in voice.split("+")]


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
