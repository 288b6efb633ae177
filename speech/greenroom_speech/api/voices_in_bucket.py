"""Saved voices on an object store: what is known of a voice is one object, and makes it a voice.

Its recording lies apart, under a name that is never used again, and is there before the facts are:
who reads facts finds the recording that belongs to them or, if somebody has deleted the voice
meanwhile, none. The facts are created only where there are none, and replaced only as they were
read; the store decides who was first, for whoever shares the bucket.
"""

import json
import logging
import re
import threading
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import ObjectStore, from_url

from greenroom.errors import Conflict, Unavailable
from greenroom_speech.api.voice_facts import (
    NoRecording,
    OddVoice,
    SavedVoice,
    facts_of,
    written,
)
from greenroom_speech.api.voice_place import Mark

if TYPE_CHECKING:  # of its stubs alone
    from obstore import UpdateVersion
    from obstore.store import ClientConfig, RetryConfig

logger = logging.getLogger(__name__)

_FACTS, _RECORDINGS = ".json", "recordings/"
_FIELD = "recording"
"""Of the facts: which object is the recording."""
_RECORDING = re.compile(r"recordings/[0-9a-f]{32}\.flac")
_FORGOTTEN_AFTER = timedelta(days=1)
"""Age of a recording without facts that is no save that still runs."""
_READERS = 8
_RETRIES: "RetryConfig" = {"max_retries": 3, "retry_timeout": timedelta(seconds=10)}
_PATIENCE: "ClientConfig" = {"connect_timeout": "3s", "timeout": "15s", "allow_http": True}
"""http only where the endpoint that the environment names begins with it."""


@dataclass(frozen=True)
class _Read:
    mark: Mark
    voice: SavedVoice | None
    odd: str = ""


class VoicesInBucket:
    """The voices below one prefix of a bucket, a `VoicePlace`."""

    def __init__(self, store: ObjectStore, url: str) -> None:
        self._store = store
        self._url = url.rstrip("/")
        self._read: dict[str, _Read] = {}
        self._lock = threading.RLock()

    @classmethod
    def at(cls, url: str) -> Self:
        """`url` as in ``s3://bucket/prefix``; the provider's own variables have the rest."""
        return cls(from_url(url, client_options=_PATIENCE, retry_config=_RETRIES), url)

    def listed(self) -> Mapping[str, Mark]:
        try:
            with self._reached():
                objects = obstore.list_with_delimiter(self._store)["objects"]
        except FileNotFoundError as error:
            raise self._unavailable(error) from None
        marks = {
            one["path"].removesuffix(_FACTS): one["e_tag"]
            for one in objects
            if one["path"].endswith(_FACTS)
        }
        before = self._read.copy()  # other threads write into it
        kept = {k: read for k, read in before.items() if read.mark and read.mark == marks.get(k)}
        with ThreadPoolExecutor(_READERS) as pool:
            new = [key for key in marks if key not in kept]
            read_now = zip(new, pool.map(self._fetched, new), strict=True)
            kept |= {key: read for key, read in read_now if read}
        self._read = kept
        return {read.voice.name if read.voice else key: read.mark for key, read in kept.items()}

    def judged(self, name: str, mark: Mark = None) -> SavedVoice | None:
        key = _key(name)
        read = self._read.get(key)
        if read is None or mark is None or read.mark != mark:
            read = self._fetched(key)
        if read is None:
            self._read.pop(key, None)
            return None
        self._read[key] = read
        if read.odd:
            raise OddVoice(read.odd)
        return read.voice if read.voice and read.voice.name == name else None

    def content(self, voice: SavedVoice) -> bytes:
        with self._reached():
            content = bytes(obstore.get(self._store, str(voice.path)).bytes())
        if not content:
            raise NoRecording(voice.name)
        return content

    def create(self, voice: SavedVoice, audio: bytes) -> SavedVoice:
        recording = f"{_RECORDINGS}{uuid.uuid4().hex}.flac"
        obstore.put(self._store, recording, audio)
        facts = written(voice, **{_FIELD: recording})
        try:
            obstore.put(self._store, _object(voice.name), facts, mode="create")
        except AlreadyExistsError:
            if self._content_of(voice.name) != facts:  # else an earlier try of ours came through
                obstore.delete(self._store, recording)
                raise
        return replace(voice, path=Path(recording))

    def change(self, old: SavedVoice, new: SavedVoice) -> None:
        found = obstore.get(self._store, _object(old.name))
        now = self._judge(_key(old.name), found.meta["e_tag"], bytes(found.bytes()))
        if now.voice != old:
            raise Conflict(
                "Another request changed this voice at the same time; send the request again."
            )
        facts = written(new, **{_FIELD: str(old.path)})
        as_read: UpdateVersion = {"e_tag": found.meta["e_tag"]}
        if (version := found.meta["version"]) is not None:
            as_read["version"] = version
        try:
            obstore.put(self._store, _object(old.name), facts, mode=as_read)
        except PreconditionError:
            if self._content_of(old.name) != facts:
                raise

    def remove(self, name: str) -> None:
        found = self._fetched(_key(name))
        with suppress(FileNotFoundError):
            obstore.delete(self._store, _object(name))
        if found and found.voice:  # what stays here is removed a day later
            with suppress(BaseError, FileNotFoundError):
                obstore.delete(self._store, str(found.voice.path))

    def clear_partial(self) -> None:
        with suppress(Unavailable):  # it may come later; bundled voices work
            self._clear_partial()

    def called(self, name: str) -> str:
        return f"{self._url}/{_object(name)}" if name else self._url

    @contextmanager
    def writing(self, what: str, new: bool = False) -> Iterator[None]:
        try:
            with self._reached():
                yield
        except (AlreadyExistsError, PreconditionError, FileNotFoundError):
            raise Conflict(
                "Another request changed this voice at the same time; send the request again."
            ) from None

    def alone(self) -> AbstractContextManager[object]:
        return self._lock

    def _fetched(self, key: str) -> _Read | None:
        """What the store has now; None if it has nothing."""
        with suppress(FileNotFoundError), self._reached():
            found = obstore.get(self._store, f"{key}{_FACTS}")
            return self._judge(key, found.meta["e_tag"], bytes(found.bytes()))
        return None

    def _judge(self, key: str, mark: Mark, content: bytes) -> _Read:
        file = f"{key}{_FACTS}"
        try:
            facts = facts_of(content, file)
        except OddVoice as odd:
            return _Read(mark, None, str(odd))
        recording = json.loads(content).get(_FIELD)
        if not isinstance(recording, str) or not _RECORDING.fullmatch(recording):
            return _Read(mark, None, f"{file}: {_FIELD} names no recording")
        if _key(facts.name) != key:
            return _Read(
                mark, None, f"{file}: name is {facts.name!a}, which belongs to another object"
            )
        return _Read(mark, SavedVoice(**vars(facts), path=Path(recording)))

    def _content_of(self, name: str) -> bytes | None:
        with suppress(FileNotFoundError):
            return bytes(obstore.get(self._store, _object(name)).bytes())
        return None

    def _clear_partial(self) -> None:
        with self._reached():
            found = [
                one
                for chunk in obstore.list(self._store, _RECORDINGS.rstrip("/"))
                for one in chunk
                if datetime.now(UTC) - one["last_modified"] > _FORGOTTEN_AFTER
            ]
            # Listed later than the recordings: whoever has facts by now is among them.
            self.listed()
            if any(read.odd for read in self._read.values()):
                return  # facts that nobody can read may name any of them
            named = {str(read.voice.path) for read in self._read.values() if read.voice}
            for one in found:
                if _RECORDING.fullmatch(one["path"]) and one["path"] not in named:
                    obstore.delete(self._store, one["path"])

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """Errors of the store become one sentence; who was too late is told apart."""
        try:
            yield
        except (AlreadyExistsError, PreconditionError):
            raise
        except BaseError as error:
            raise self._unavailable(error) from None

    def _unavailable(self, error: Exception) -> Unavailable:
        # A signed address is as good as a key.
        why = re.sub(r"\?\S+", "?...", str(error).partition("\n\nDebug source")[0])
        logger.warning("%s cannot be used: %s", self._url, why[:500])
        return Unavailable(
            "The store of the saved voices does not work; bundled voices do. The log says why."
        )


def _key(name: str) -> str:
    """Names that differ in case alone are one voice's, so they share an object."""
    return name.casefold()


def _object(name: str) -> str:
    return f"{_key(name)}{_FACTS}"
