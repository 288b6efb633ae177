"""Saved voices on disk: one folder each, named as the voice is, complete or not there at all.

A voice is written into a hidden folder beside its place and renamed into it when all its
files are on the disk; so a crash leaves no half of one, and what was answered is kept.
Whoever writes holds a lock on the folder, for several services may share it. Who reads holds
none: what looks odd to him is looked at again under the lock before it is called so.
"""

import errno
import fcntl
import json
import logging
import os
import shutil
import tempfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, replace
from difflib import get_close_matches
from functools import cache
from itertools import islice
from pathlib import Path

import soundfile

from greenroom.errors import Conflict, DiskFull, GreenroomError
from greenroom_speech.api import voice_folder
from greenroom_speech.api.voice_folder import (
    AUDIO,
    FACTS,
    NoRecording,
    OddVoice,
    SavedVoice,
    Signature,
)
from greenroom_speech.api.voice_names import allowed, is_allowed, normal
from greenroom_speech.voices import voices as bundled_voices

logger = logging.getLogger(__name__)

_PARTIAL = ".partial-"
_NEAR, _LONGEST_NEAR = 3, 100
"""Names that are told, and characters of what was asked for that are compared with them."""
_MOST_NAMED = 20
_FOLDER = "."
_NOT_WRITABLE = frozenset(
    {
        errno.EACCES,
        errno.EDQUOT,
        errno.EFBIG,
        errno.EIO,
        errno.ENOSPC,
        errno.EPERM,
        errno.EROFS,
    }
)
_MEANWHILE = frozenset({errno.EEXIST, errno.ENOENT, errno.ENOTEMPTY})
"""By hand, or by a service that shares a folder whose disk knows no locks."""


class UnknownVoice(GreenroomError):
    """No voice of that name is bundled or saved."""

    http_status = 404
    grpc_code = "NOT_FOUND"


class VoicesStore:
    """The bundled voices and those of one folder; its methods may run in any thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, tuple[Signature, SavedVoice]] = {}
        self._left_out: dict[str, str] = {}
        """Why, by name; so that each is told once."""
        self._lock = threading.RLock()
        self._locked = False

    def all(self) -> list[SavedVoice]:
        """The bundled voices, then the saved ones by name."""
        return list(self._each())

    def get(self, name: str) -> SavedVoice:
        """Raises UnknownVoice naming some that there are, NoRecording."""
        wanted = normal(name)
        found = _bundled().get(wanted)
        if not found and is_allowed(wanted):
            found = self._looked_at(wanted)
        if found:
            return found
        every = [*_bundled(), *self._names()]
        if near := get_close_matches(wanted[:_LONGEST_NEAR], every, _NEAR):
            raise UnknownVoice(
                f"voice is {name[:80]!r}, and there is no such voice; near are {', '.join(near)}. "
                "GET /v1/voices lists all."
            )
        names = [voice.name for voice in islice(self._each(), _MOST_NAMED + 1)]
        more = " or another that GET /v1/voices lists" if len(names) > _MOST_NAMED else ""
        there_are = ", ".join(names[:_MOST_NAMED])
        raise UnknownVoice(f"voice is {name[:80]!r}; it must be one of {there_are}{more}.")

    def recording(self, name: str) -> tuple[SavedVoice, bytes]:
        """A voice and its whole recording, both of one moment. Raises as `get` does."""
        voice = self.get(name)
        with suppress(FileNotFoundError):
            content = self._content(voice)
            if self.get(name) == voice:
                return voice, content
        with self._alone():
            voice = self.get(name)
            return voice, self._content(voice)

    def check_free(self, name: str) -> str:
        """The name as it would be saved.

        Raises InvalidInput for one that is not allowed, Conflict for one that is taken.
        """
        name = allowed(name)
        for taken in (*_bundled(), *self._names()):
            if normal(taken).casefold() == name.casefold():
                raise Conflict(
                    f"A voice named {taken!r} exists already; delete it or choose another name."
                )
        return name

    def save(self, voice: SavedVoice, audio: bytes) -> SavedVoice:
        """Keep a voice with its recording (a FLAC file); on return it is on the disk.

        Raises as `check_free` does, and DiskFull.
        """
        voice = replace(voice, name=allowed(voice.name))
        place = self._folder / voice.name
        with self._writing("saved"):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._alone():
                self.check_free(voice.name)
                written = Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=self._folder))
                try:
                    _write(written / AUDIO, audio)
                    _write(written / FACTS, _facts(voice))
                    _sync(written)
                    written = written.rename(place)
                    _sync(self._folder)
                except BaseException:
                    shutil.rmtree(written, ignore_errors=True)
                    raise
        return replace(voice, path=place / AUDIO)

    def correct(self, name: str, transcript: str) -> SavedVoice:
        """Replace the words of a saved voice. Raises UnknownVoice, Conflict, DiskFull."""
        with self._writing("changed"), self._alone():
            voice = replace(self._own(name, "changed"), transcript=transcript)
            folder = voice.path.parent
            written = folder / f"{_PARTIAL}{FACTS}"
            try:
                _write(written, _facts(voice))
                written.rename(folder / FACTS)
            finally:
                written.unlink(missing_ok=True)
            _sync(folder)
        return voice

    def delete(self, name: str) -> None:
        """Forget a saved voice. Raises UnknownVoice, Conflict, DiskFull."""
        with self._writing("deleted"), self._alone():
            with suppress(NoRecording):
                self._own(name, "deleted")
            # Nothing new is made: a full disk must not be in the way.
            hidden = self._folder / f"{_PARTIAL}{uuid.uuid4().hex}"
            (self._folder / normal(name)).rename(hidden)
            _sync(self._folder)
            shutil.rmtree(hidden, ignore_errors=True)

    def clear_partial(self) -> None:
        """Remove what a crash has left half written."""
        with self._alone():
            for left in self._folder.glob(f"{_PARTIAL}*"):
                shutil.rmtree(left, ignore_errors=True)
            for left in self._folder.glob(f"*/{_PARTIAL}{FACTS}"):
                with suppress(OSError):
                    left.unlink()

    def _own(self, name: str, what: str) -> SavedVoice:
        voice = self.get(name)
        if voice.bundled:
            raise Conflict(f"Voice {voice.name!r} comes with Greenroom and cannot be {what}.")
        return voice

    def _content(self, voice: SavedVoice) -> bytes:
        try:
            return voice.path.read_bytes()
        except PermissionError as error:
            raise NoRecording(voice.name, f"{error.strerror}") from None

    def _each(self) -> Iterator[SavedVoice]:
        yield from _bundled().values()
        names = sorted(self._names())
        for gone in (self._read.keys() | self._left_out.keys()) - {*names, _FOLDER}:
            self._read.pop(gone, None)
            self._left_out.pop(gone, None)
        for name in names:
            with suppress(NoRecording):
                if found := self._looked_at(name):
                    yield found

    def _names(self) -> list[str]:
        """What lies in the folder, voices and other things."""
        try:
            with os.scandir(self._folder) as entries:
                found = [entry.name for entry in entries if not entry.name.startswith(".")]
        except FileNotFoundError:
            found = []
        except (PermissionError, NotADirectoryError) as error:
            self._leave_out(_FOLDER, f"it cannot be read: {error.strerror}")
            return []
        self._left_out.pop(_FOLDER, None)
        return found

    def _looked_at(self, name: str) -> SavedVoice | None:
        """The voice in a folder; None for none or an odd one. Raises NoRecording."""
        try:
            return self._judged(name)
        except (OddVoice, NoRecording) as problem:
            if self._left_out.get(name) == str(problem):
                if isinstance(problem, NoRecording):
                    raise
                return None
        with self._alone():
            try:
                return self._judged(name)
            except NoRecording as lost:
                self._leave_out(name, str(lost))
                raise
            except OddVoice as odd:
                self._leave_out(name, str(odd))
                return None

    def _judged(self, name: str) -> SavedVoice | None:
        place = self._folder / name
        with voice_folder.opened(place) as folder:
            signature = None if folder is None else voice_folder.signature(folder)
            if folder is None or signature is None:
                return None
            read = self._read.get(name)
            if read and read[0] == signature:
                voice = read[1]
            else:
                facts = voice_folder.facts_in(folder)
                voice = SavedVoice(**vars(facts), path=place / AUDIO)
                _check(voice, name)
                self._read[name] = signature, voice
            if not voice_folder.has_recording(folder):
                raise NoRecording(name)
        self._left_out.pop(name, None)
        return voice

    def _leave_out(self, name: str, why: str) -> None:
        if self._left_out.get(name) != why:
            self._left_out[name] = why
            logger.warning("%s is left out of the voices: %s.", self._folder / name, why)

    @contextmanager
    def _writing(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in _MEANWHILE:
                raise Conflict("Somebody else changed this voice meanwhile; ask again.") from None
            if error.errno not in _NOT_WRITABLE:
                raise
            logger.warning("%s cannot be written: %s.", self._folder, error.strerror)
            raise DiskFull(
                f"The voice cannot be {what}: folder {self._folder.name} on the server cannot "
                f"be written ({error.strerror}). Nothing has changed."
            ) from None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other writers out, of this process and of others; may be entered twice."""
        with self._lock, ExitStack() as stack:
            if not self._locked:
                with suppress(OSError):  # there is no folder yet, or its disk knows no locks
                    folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
                    stack.callback(os.close, folder)
                    fcntl.flock(folder, fcntl.LOCK_EX)
                stack.callback(setattr, self, "_locked", False)
                self._locked = True
            yield


@cache
def _bundled() -> dict[str, SavedVoice]:
    return {
        voice.name: SavedVoice(
            voice.name,
            voice.transcript,
            voice.language,
            round(soundfile.info(voice.path).duration, 3),
            "A synthetic voice, of no real person.",
            0,
            voice.description,
            bundled=True,
            path=voice.path,
        )
        for voice in bundled_voices()
    }


def _check(voice: SavedVoice, folder: str) -> None:
    """Raise OddVoice for a name by which the voice could not be asked for."""
    if voice.name != folder:
        raise OddVoice(f"{FACTS}: name is {voice.name!a}; it must be the folder's, {folder!a}")
    if not is_allowed(folder):
        raise OddVoice("no voice can have such a name")
    if folder in _bundled():
        raise OddVoice("a bundled voice has this name")


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
