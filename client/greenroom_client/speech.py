"""What comes back: speech with its rate, and transcripts."""

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from greenroom_client.errors import InvalidInput
from greenroom_client.sound_files import soundfile

_SUFFIXES = {
    "": ("WAV", "PCM_16"),
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".opus": ("OGG", "OPUS"),
    ".mp3": ("MP3", None),
}


_SAYS = "greenroom says: "
"""In front of the text in a file's comment."""


@dataclass(frozen=True, eq=False)
class Speech:
    """A waveform; unpacks as ``samples, rate``."""

    samples: npt.NDArray[np.float32]
    """Mono, shape [n], in [-1, 1]."""
    sample_rate: int
    """In Hz."""
    transcript: str
    """The words of the reference recording, as given or as recognised."""
    seed: int = 0
    """Gives the same speech again; 0 where the engine draws nothing by chance."""
    text: str = ""
    """What it says, as far as that is known: an edit of it is told, so nobody listens again."""

    def __iter__(self) -> Iterator[Any]:
        yield self.samples
        yield self.sample_rate

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.sample_rate

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a file in the format of its suffix: .wav and .flac 16-bit, .ogg, .opus, .mp3.

        Its text goes along, but in mp3: an edit of the file is told what it says.

        Raises:
            InvalidInput: the suffix is another, or the file cannot be written.
            MissingExtra: soundfile is not installed.
        """
        kind, subtype = format_of(path)
        encoded = io.BytesIO()
        library = soundfile()
        given = {"format": kind, "subtype": subtype, "channels": 1, "samplerate": self.sample_rate}
        with library.SoundFile(encoded, "w", **given) as file:
            if self.text and kind != "MP3":
                file.comment = f"{_SAYS}{self.text}"
            file.write(self.samples)
        try:
            Path(path).write_bytes(encoded.getbuffer())
        except OSError as error:
            raise InvalidInput(f"{os.fspath(path)} cannot be written: {error.strerror}.") from None


@dataclass(frozen=True)
class Transcript:
    """The words of a recording."""

    text: str
    language: str
    """Code of the language; empty where the engine does not know."""

    def __str__(self) -> str:
        return self.text


def text_in(path: str | os.PathLike[str]) -> str | None:
    """What a file says that `Speech.save` has written; None for any other."""
    library = soundfile()
    try:
        with library.SoundFile(os.fspath(path)) as file:
            comment = str(file.comment)
    except (OSError, library.SoundFileError):
        return None
    return comment.removeprefix(_SAYS) if comment.startswith(_SAYS) else None


def format_of(path: str | os.PathLike[str]) -> tuple[str, str | None]:
    """The format and subtype of soundfile and subtype for a file name.

    Raises:
        InvalidInput: no format belongs to the suffix.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in _SUFFIXES:
        known = ", ".join(key for key in _SUFFIXES if key)
        raise InvalidInput(
            f"{os.fspath(path)} ends in {suffix}; the suffix must be one of {known}."
        )
    return _SUFFIXES[suffix]
