"""The bundled reference voices: synthetic, made by ``benchmarks/make_voices.py``, free to use."""

import json
from dataclasses import dataclass
from pathlib import Path

from greenroom.errors import InvalidInput

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Voice:
    """One recording to clone from, 24 kHz mono FLAC."""

    name: str
    language: str
    """Language code, as the models' LANGUAGE input takes it."""
    description: str
    transcript: str

    @property
    def path(self) -> Path:
        return FOLDER / f"{self.name}.flac"


def voices() -> tuple[Voice, ...]:
    rows = json.loads((FOLDER / "voices.json").read_text(encoding="utf-8"))
    return tuple(Voice(**row) for row in rows)


def voice(name: str) -> Voice:
    """InvalidInput names the voices that there are."""
    for one in voices():
        if one.name == name:
            return one
    names = ", ".join(one.name for one in voices())
    raise InvalidInput(f"voice is {name!r}; it must be one of {names}.")
