"""Saved voices on disk: one folder each, named as the voice is, complete or not there at all.

A voice is written into a hidden folder beside its place and renamed into it when all its
files are on the disk; so a crash leaves no half of one, and what was answered is kept.
Whoever writes holds a lock on the folder, for several services may share it. Who reads holds
none: what looks odd to him is looked at again under the lock before it is called so.
"""

import errno
import fcntl
import logging
import os
import shutil
import tempfile
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from greenroom.errors import Conflict, DiskFull
from greenroom_speech.api import voice_folder
from greenroom_speech.api.voice_facts import NoRecording, OddVoice, SavedVoice, written
from greenroom_speech.api.voice_folder import AUDIO, FACTS, Signature
from greenroom_speech.api.voice_place import Mark

logger = logging.getLogger(__name__)

_PARTIAL = ".partial-"
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


class VoicesOnDisk:
    """The voices of one folder, a `VoicePlace`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, tuple[Signature, SavedVoice]] = {}
        self._lock = threading.RLock()
        self._locked = False

    def listed(self) -> Mapping[str, Mark]:
        try:
            with os.scandir(self._folder) as entries:
                found = [entry.name for entry in entries if not entry.name.startswith(".")]
        except FileNotFoundError:
            found = []
        except (PermissionError, NotADirectoryError) as error:
            raise OddVoice(f"it cannot be read: {error.strerror}") from None
        for gone in self._read.keys() - {*found}:
            self._read.pop(gone, None)
        return dict.fromkeys(found)

    def judged(self, name: str, mark: Mark = None) -> SavedVoice | None:
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
                if voice.name != name:
                    raise OddVoice(
                        f"{FACTS}: name is {voice.name!a}; it must be the folder's, {name!a}"
                    )
                self._read[name] = signature, voice
            if not voice_folder.has_recording(folder):
                raise NoRecording(name)
        return voice

    def content(self, voice: SavedVoice) -> bytes:
        try:
            return voice.path.read_bytes()
        except PermissionError as error:
            raise NoRecording(voice.name, f"{error.strerror}") from None

    def create(self, voice: SavedVoice, audio: bytes) -> SavedVoice:
        place = self._folder / voice.name
        made = Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=self._folder))
        try:
            _write(made / AUDIO, audio)
            _write(made / FACTS, written(voice))
            _sync(made)
            made = made.rename(place)
            _sync(self._folder)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
        return replace(voice, path=place / AUDIO)

    def change(self, old: SavedVoice, new: SavedVoice) -> None:
        folder = self._folder / old.name
        made = folder / f"{_PARTIAL}{FACTS}"
        try:
            _write(made, written(new))
            made.rename(folder / FACTS)
        finally:
            made.unlink(missing_ok=True)
        _sync(folder)

    def remove(self, name: str) -> None:
        # Nothing new is made: a full disk must not be in the way.
        hidden = self._folder / f"{_PARTIAL}{uuid.uuid4().hex}"
        (self._folder / name).rename(hidden)
        _sync(self._folder)
        shutil.rmtree(hidden, ignore_errors=True)

    def clear_partial(self) -> None:
        for left in self._folder.glob(f"{_PARTIAL}*"):
            shutil.rmtree(left, ignore_errors=True)
        for left in self._folder.glob(f"*/{_PARTIAL}{FACTS}"):
            with suppress(OSError):
                left.unlink()

    def called(self, name: str) -> str:
        return str(self._folder / name)

    @contextmanager
    def writing(self, what: str, new: bool = False) -> Iterator[None]:
        try:
            if new:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            yield
        except OSError as error:
            if error.errno in _MEANWHILE:
                raise Conflict(
                    "Another request changed this voice at the same time; send the request again."
                ) from None
            if error.errno not in _NOT_WRITABLE:
                raise
            logger.warning("%s cannot be written: %s.", self._folder, error.strerror)
            raise DiskFull(
                f"The voice cannot be {what}: folder {self._folder.name} on the server cannot "
                f"be written ({error.strerror}). Nothing has changed."
            ) from None

    @contextmanager
    def alone(self) -> Iterator[None]:
        with self._lock, ExitStack() as stack:
            if not self._locked:
                with suppress(OSError):  # there is no folder yet, or its disk knows no locks
                    folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
                    stack.callback(os.close, folder)
                    fcntl.flock(folder, fcntl.LOCK_EX)
                stack.callback(setattr, self, "_locked", False)
                self._locked = True
            yield


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
