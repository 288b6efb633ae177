"""The bundled voices and the saved ones, by name; where the latter lie is a `VoicePlace`."""

import logging
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cache
from itertools import chain, islice

import soundfile

from greenroom.errors import Conflict, GreenroomError
from greenroom_speech.api.voice_facts import NoRecording, OddVoice, SavedVoice
from greenroom_speech.api.voice_names import allowed, is_allowed, new, normal, similar
from greenroom_speech.api.voice_place import Mark, VoicePlace
from greenroom_speech.voices import voices as bundled_voices

logger = logging.getLogger(__name__)

_MOST_NAMED = 20
_PLACE = ""


class UnknownVoice(GreenroomError):
    """No voice of that name is bundled or saved."""

    http_status = 404
    grpc_code = "NOT_FOUND"


class VoicesStore:
    """The bundled voices and those of one place; its methods may run in any thread."""

    def __init__(self, place: VoicePlace) -> None:
        self._place = place
        self._left_out: dict[str, str] = {}
        """Why, by name; so that each is told once."""

    def all(self) -> list[SavedVoice]:
        """The bundled voices, then the saved ones by name."""
        return list(self._each())

    def get(self, name: str) -> SavedVoice:
        """As `find`. Raises UnknownVoice naming some that there are, NoRecording."""
        if found := self.find(name):
            return found
        raise self.unknown(name)

    def find(self, name: str) -> SavedVoice | None:
        """The voice that is written so, else one in another case. Raises NoRecording."""
        wanted = normal(name)
        if found := self._written_so(wanted):
            return found
        every = {known.casefold(): known for known in (*self._names(), *_bundled())}
        other = every.get(wanted.casefold())
        return self._written_so(other) if other else None

    def unknown(
        self,
        name: str,
        more: Collection[str] = (),
        lists: str = "/v1/voices",
        part: str | None = None,
    ) -> UnknownVoice:
        """The error that tells similar names, or the first of all.

        `more` are names beside the store's, `part` is what is wrong of a blend, and `lists` the
        path that lists all.
        """
        asked = f"voice is {name[:80]!r}"
        of = "which" if part is None else f"of which {part[:80]!r}"
        near = similar(part or name, (*_bundled(), *self._names(), *more), _MOST_NAMED)
        if near:
            return UnknownVoice(
                f"{asked}, {of} does not exist; similar names are {', '.join(near)}. "
                f"GET {lists} lists all."
            )
        every = chain((voice.name for voice in self._each()), more)
        names = list(islice(every, _MOST_NAMED + 1))
        others = f" or another that GET {lists} lists" if len(names) > _MOST_NAMED else ""
        wrong = asked if part is None else f"{asked}, {of} does not exist"
        there_are = ", ".join(names[:_MOST_NAMED])
        return UnknownVoice(f"{wrong}; it must be one of {there_are}{others}.")

    def recording(self, name: str) -> tuple[SavedVoice, bytes]:
        """A voice and its whole recording, both of one moment. Raises as `get` does."""
        if found := self.find_recording(name):
            return found
        raise self.unknown(name)

    def find_recording(self, name: str) -> tuple[SavedVoice, bytes] | None:
        """As `recording`; None for an unknown voice, which costs less than the error."""
        voice = self.find(name)
        if voice is None:
            return None
        with suppress(FileNotFoundError):
            content = self._content(voice)
            if self.find(name) == voice:
                return voice, content
        with self._place.alone():
            if (voice := self.find(name)) is None:
                return None
            try:
                return voice, self._content(voice)
            except FileNotFoundError:
                raise NoRecording(voice.name) from None

    def check_free(self, name: str) -> str:
        """The name as it would be saved.

        Raises InvalidInput for one that is not allowed, Conflict for one that is taken.
        """
        name = new(name)
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
        with self._place.writing("saved", new=True), self._place.alone():
            self.check_free(voice.name)
            return self._place.create(voice, audio)

    def correct(self, name: str, transcript: str) -> SavedVoice:
        """Replace the words of a saved voice. Raises UnknownVoice, Conflict, DiskFull."""
        with self._place.writing("changed"), self._place.alone():
            found = self._own(name, "changed")
            voice = replace(found, transcript=transcript)
            self._place.change(found, voice)
        return voice

    def delete(self, name: str) -> None:
        """Forget a saved voice. Raises UnknownVoice, Conflict, DiskFull."""
        with self._place.writing("deleted"), self._place.alone():
            try:
                kept = self._own(name, "deleted").name
            except NoRecording as lost:
                kept = lost.name
            self._place.remove(kept)

    def clear_partial(self) -> None:
        """Remove what a crash has left half written."""
        with self._place.alone():
            self._place.clear_partial()

    def _written_so(self, name: str) -> SavedVoice | None:
        """`name` in its normal form. Raises NoRecording."""
        found = _bundled().get(name)
        return found or (self._looked_at(name) if is_allowed(name) else None)

    def _own(self, name: str, what: str) -> SavedVoice:
        voice = self.get(name)
        if voice.bundled:
            raise Conflict(f"Voice {voice.name!r} comes with Greenroom and cannot be {what}.")
        return voice

    def _content(self, voice: SavedVoice) -> bytes:
        return voice.path.read_bytes() if voice.bundled else self._place.content(voice)

    def _each(self) -> Iterator[SavedVoice]:
        yield from _bundled().values()
        names = self._names()
        for gone in self._left_out.keys() - {*names, _PLACE}:
            self._left_out.pop(gone, None)
        for name in sorted(names):
            with suppress(NoRecording):
                if found := self._looked_at(name, names[name]):
                    yield found

    def _names(self) -> Mapping[str, Mark]:
        """What lies in the place, voices and other things."""
        try:
            found = self._place.listed()
        except OddVoice as odd:
            self._leave_out(_PLACE, str(odd))
            return {}
        self._left_out.pop(_PLACE, None)
        return found

    def _looked_at(self, name: str, mark: Mark = None) -> SavedVoice | None:
        """The voice of that name; None for none or an odd one. Raises NoRecording."""
        try:
            return self._judged(name, mark)
        except (OddVoice, NoRecording) as problem:
            if self._left_out.get(name) == str(problem):
                if isinstance(problem, NoRecording):
                    raise
                return None
        with self._place.alone():
            try:
                return self._judged(name)
            except NoRecording as lost:
                self._leave_out(name, str(lost))
                raise
            except OddVoice as odd:
                self._leave_out(name, str(odd))
                return None

    def _judged(self, name: str, mark: Mark = None) -> SavedVoice | None:
        """Raises OddVoice for a name by which a voice could not be asked for, NoRecording."""
        if (voice := self._place.judged(name, mark)) is None:
            return None
        if not is_allowed(name):
            raise OddVoice("no voice can have such a name")
        if name in _bundled():
            raise OddVoice("a bundled voice has this name")
        self._left_out.pop(name, None)
        return voice

    def _leave_out(self, name: str, why: str) -> None:
        if self._left_out.get(name) != why:
            self._left_out[name] = why
            where = self._place.called(name)
            logger.warning("%s is left out of the voices: %s.", where, why)


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
