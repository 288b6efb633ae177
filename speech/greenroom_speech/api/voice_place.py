"""What a store of saved voices asks of the place where they are kept."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from greenroom_speech.api.voice_facts import SavedVoice

Mark = str | None
"""Another one after each change of a voice; None where only looking at the voice tells."""


class VoicePlace(Protocol):
    """A folder or a bucket that several services may share; a voice is whole there or not there.

    Methods may run in any thread. All of them may raise Unavailable.
    """

    def listed(self) -> Mapping[str, Mark]:
        """The names of what lies there, voices and other things.

        Raises OddVoice if the place itself cannot be read.
        """

    def judged(self, name: str, mark: Mark = None) -> SavedVoice | None:
        """The voice of that name as it is now, or was with that mark; None if there is none.

        Raises OddVoice for what is no voice, NoRecording.
        """

    def content(self, voice: SavedVoice) -> bytes:
        """Its recording. Raises FileNotFoundError if it was deleted meanwhile, NoRecording."""

    def create(self, voice: SavedVoice, audio: bytes) -> SavedVoice:
        """Keep a voice whose name is free; on return it is kept."""

    def change(self, old: SavedVoice, new: SavedVoice) -> None:
        """Replace the facts of a voice."""

    def remove(self, name: str) -> None:
        """Forget a voice."""

    def clear_partial(self) -> None:
        """Remove what a crash has left half written."""

    def called(self, name: str) -> str:
        """For the log: where a voice lies; the place itself for the empty name."""

    def writing(self, what: str, new: bool = False) -> AbstractContextManager[None]:
        """Around what changes the place; errors of its kind become answers.

        `what` is "saved", "changed" or "deleted"; `new` makes a folder that is missing. Raises
        Conflict if somebody else was faster, DiskFull.
        """

    def alone(self) -> AbstractContextManager[object]:
        """Keep other writers out where the place can, of this process in any case.

        May be entered twice.
        """
