"""Saved voices on disk: one folder each, complete or not there at all.

A voice is written into a hidden folder beside its place and renamed into it when all its
files are on the disk; so a crash leaves no half of one, and what was answered is kept.
"""

import contextlib
import json
import os
import re
import shutil
import tempfile
import time
import unicodedata
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

import soundfile
from greenroom_speech.voices import voices as bundled_voices

from greenroom.errors import Conflict, GreenroomError, InvalidInput

_FACTS, _AUDIO = "voice.json", "audio.flac"
_NAME = re.compile(r"[^\W_](?:[\w .-]{0,62}[\w-])?")
_PARTIAL = ".partial-"


class UnknownVoice(GreenroomError):
    """No voice of that name is bundled or saved."""

    http_status = 404
    grpc_code = "NOT_FOUND"


@dataclass(frozen=True)
class SavedVoice:
    """A recording with its words, usable by name."""

    name: str
    transcript: str
    language: str
    seconds: float
    consent: str
    created: int
    description: str = ""
    bundled: bool = False
    path: Path = Path()
    """The recording, FLAC."""


class VoicesStore:
    """The bundled voices and those of one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def all(self) -> list[SavedVoice]:
        """Return the bundled voices and then the saved ones by name."""
        return [*_bundled(), *sorted(self._saved(), key=lambda voice: voice.name)]

    def get(self, name: str) -> SavedVoice:
        """Return a voice. Raises UnknownVoice naming those that there are."""
        wanted = unicodedata.normalize("NFC", name)
        found = self.all()
        for voice in found:
            if voice.name == wanted:
                return voice
        names = ", ".join(voice.name for voice in found)
        raise UnknownVoice(f"voice is {name[:80]!r}; it must be one of {names}.")

    def check_free(self, name: str) -> str:
        """Return the name as it would be saved.

        Raises InvalidInput for one that is not allowed, Conflict for one that is taken.
        """
        name = _allowed(name)
        if any(voice.name.casefold() == name.casefold() for voice in self.all()):
            raise Conflict(
                f"A voice named {name!r} exists already; delete it or take another name."
            )
        return name

    def save(self, voice: SavedVoice, audio: bytes) -> SavedVoice:
        """Keep a voice with its recording (a FLAC file); on return it is on the disk.

        Raises as `check_free` does.
        """
        name = self.check_free(voice.name)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=self._folder))
        try:
            _write(partial / _AUDIO, audio)
            _write(partial / _FACTS, _facts(replace(voice, name=name)))
            _sync(partial)
            try:
                partial.rename(self._folder / name)
            except OSError:
                raise Conflict(f"A voice named {name!r} exists already.") from None
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        _sync(self._folder)
        return self.get(name)

    def correct(self, name: str, transcript: str) -> SavedVoice:
        """Replace the words of a saved voice. Raises UnknownVoice, Conflict."""
        voice = self._own(name, "changed")
        written = voice.path.parent / f"{_PARTIAL}{time.monotonic_ns()}"
        _write(written, _facts(replace(voice, transcript=transcript)))
        written.rename(voice.path.parent / _FACTS)
        _sync(voice.path.parent)
        return self.get(voice.name)

    def delete(self, name: str) -> None:
        """Forget a saved voice. Raises UnknownVoice, Conflict."""
        folder = self._own(name, "deleted").path.parent
        hidden = Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=self._folder))
        folder.rename(hidden / "voice")
        _sync(self._folder)
        shutil.rmtree(hidden, ignore_errors=True)

    def clear_partial(self) -> None:
        """Remove what a crash has left half written."""
        for left in self._folder.glob(f"{_PARTIAL}*"):
            shutil.rmtree(left, ignore_errors=True)

    def _own(self, name: str, what: str) -> SavedVoice:
        voice = self.get(name)
        if voice.bundled:
            raise Conflict(f"Voice {voice.name!r} comes with Greenroom and cannot be {what}.")
        return voice

    def _saved(self) -> Iterator[SavedVoice]:
        for path in self._folder.glob(f"[!.]*/{_FACTS}"):
            # A voice that is deleted just now, or was put there by somebody else.
            with contextlib.suppress(OSError, ValueError, TypeError):
                facts = json.loads(path.read_text(encoding="utf-8"))
                yield SavedVoice(**facts, path=path.parent / _AUDIO)


@cache
def _bundled() -> tuple[SavedVoice, ...]:
    return tuple(
        SavedVoice(
            voice.name,
            voice.transcript,
            voice.language,
            round(soundfile.info(voice.path).duration, 3),
            "A synthetic voice: nobody's.",
            0,
            voice.description,
            bundled=True,
            path=voice.path,
        )
        for voice in bundled_voices()
    )


def _allowed(name: str) -> str:
    normal = unicodedata.normalize("NFC", name)
    if not _NAME.fullmatch(normal) or ".." in normal or not normal.isprintable():
        raise InvalidInput(
            f"name is {name[:80]!r}; it must have 1 to 64 letters, digits, spaces, dots, dashes "
            "or underlines, begin with a letter or digit, and not end with a dot or space."
        )
    if len(normal.encode()) > 200:
        raise InvalidInput(f"name has {len(normal.encode())} bytes; it must have at most 200.")
    return normal


def _facts(voice: SavedVoice) -> bytes:
    kept = asdict(voice)
    del kept["path"], kept["bundled"]
    return json.dumps(kept, ensure_ascii=False, indent=1).encode()


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
