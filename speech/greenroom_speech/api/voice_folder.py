"""The folder of one saved voice: what must lie in it, read as what anybody may have put there."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from greenroom_speech.api.voice_facts import Facts, OddVoice, facts_of

FACTS, AUDIO = "voice.json", "audio.flac"

Signature = tuple[int, int, int, int]
"""Device, inode, time of change (ns) and size of a file: others after each change of it."""

_OF_THE_PROCESS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""Errors that say nothing about the file."""


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
        raise OddVoice(f"{FACTS} is not a regular file")
    return found.st_dev, found.st_ino, found.st_ctime_ns, found.st_size


def facts_in(folder: int) -> Facts:
    """Raises OddVoice."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK  # it may have become a link or a pipe
    try:
        with os.fdopen(os.open(FACTS, flags, dir_fd=folder), "rb") as file:
            return facts_of(file.read(), FACTS)
    except OSError as error:
        raise _odd(error) from None


def has_recording(folder: int) -> bool:
    """True if it is there and not empty. Raises OddVoice for a link."""
    try:
        found = os.stat(AUDIO, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    if not stat.S_ISREG(found.st_mode):
        raise OddVoice(f"{AUDIO} is not a regular file")
    return found.st_size > 0


def _odd(error: OSError) -> Exception:
    if error.errno in _OF_THE_PROCESS:
        return error
    return OddVoice(f"it cannot be read: {error.strerror}")
