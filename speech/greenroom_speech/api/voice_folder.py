"""The folder of one saved voice: what must lie in it, read as what anybody may have put there."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from greenroom.errors import GreenroomError
from greenroom_speech.api.openai_errors import invalid

FACTS, AUDIO = "voice.json", "audio.flac"

Signature = tuple[int, int, int, int]
"""Device, inode, time of change (ns) and size of a file: others after each change of it."""

_OF_THE_PROCESS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""Errors that say nothing about the file."""


class OddVoice(Exception):
    """What lies in a folder is no voice; the message says why."""


class NoRecording(GreenroomError):
    """The voice is known, its recording is not there any more."""

    http_status = 410
    grpc_code = "DATA_LOSS"

    def __init__(self, name: str, why: str = "its file is missing or empty") -> None:
        super().__init__(f"The recording of voice {name!r} is lost: {why}.")


@dataclass(frozen=True)
class Facts:
    """What is kept of a voice beside its recording."""

    __pydantic_config__ = ConfigDict(strict=True)

    name: str
    transcript: str
    language: str
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    consent: str
    created: Annotated[int, Field(ge=0, lt=2**63)]
    description: str = ""


@dataclass(frozen=True)
class SavedVoice(Facts):
    """A recording with its words, usable by name."""

    bundled: bool = False
    path: Path = Path()
    """The recording, FLAC."""


_FACTS = TypeAdapter(Facts)


@contextmanager
def opened(place: Path) -> Iterator[int | None]:
    """Open a voice's folder; None if there is none. Raises OddVoice for what cannot be one."""
    try:
        folder = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except (FileNotFoundError, NotADirectoryError):
        if place.is_symlink():
            raise OddVoice("it is a symbolic link") from None
        yield None
        return
    except OSError as error:
        raise _odd(error) from None
    try:
        yield folder
    finally:
        os.close(folder)


def signature(folder: int) -> Signature | None:
    """What changes whenever the facts do; None where neither they nor a recording are there.

    Raises OddVoice for a recording without facts, and for facts that are no ordinary file.
    """
    try:
        found = os.stat(FACTS, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        with suppress(FileNotFoundError):
            os.stat(AUDIO, dir_fd=folder, follow_symlinks=False)
            raise OddVoice(f"{FACTS} is missing") from None
        return None
    except OSError as error:
        raise _odd(error) from None
    if not stat.S_ISREG(found.st_mode):
        raise OddVoice(f"{FACTS} is no ordinary file")
    return found.st_dev, found.st_ino, found.st_ctime_ns, found.st_size


def facts_in(folder: int) -> Facts:
    """Raises OddVoice."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK  # it may have become a link or a pipe
    try:
        with os.fdopen(os.open(FACTS, flags, dir_fd=folder), "rb") as file:
            return _FACTS.validate_json(file.read())
    except ValidationError as error:
        first = error.errors()[0]
        why = str(invalid([first])).rstrip(".") if first["loc"] else first["msg"]
        raise OddVoice(f"{FACTS}: {why}") from None
    except OSError as error:
        raise _odd(error) from None


def has_recording(folder: int) -> bool:
    """True if it is there and not empty. Raises OddVoice for a link."""
    try:
        found = os.stat(AUDIO, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    if not stat.S_ISREG(found.st_mode):
        raise OddVoice(f"{AUDIO} is no ordinary file")
    return found.st_size > 0


def _odd(error: OSError) -> Exception:
    if error.errno in _OF_THE_PROCESS:
        return error
    return OddVoice(f"it cannot be read: {error.strerror}")
