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


@dataclass(frozen=True, eq=False)
class Speech:
    """A waveform; unpacks as ``samples, rate``."""

    samples: npt.NDArray[np.float32]
    """Mono, shape [n], in [-1, 1]."""
    sample_rate: int
    """In Hz."""
    transcript: str
    """The words of the reference recording, as given or as recognised."""

    def __iter__(self) -> Iterator[Any]:
        yield self.samples
        yield self.sample_rate

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.sample_rate

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a file in the format of its suffix: .wav and .flac 16-bit, .ogg, .opus, .mp3.

        Raises:
            InvalidInput: the suffix is another, or the file cannot be written.
            MissingExtra: soundfile is not installed.
        """
        kind, subtype = format_of(path)
        encoded = io.BytesIO()
        soundfile().write(encoded, self.samples, self.sample_rate, format=kind, subtype=subtype)
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
