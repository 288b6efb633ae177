"""The voice that a request names or brings: a recording, or one of the engine's own."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from cachetools import LRUCache

from greenroom.plugin import GreenroomError
from greenroom_speech.api.openai_errors import InvalidField
from greenroom_speech.api.speech_request import SpeechOptions
from greenroom_speech.api.voice_facts import SavedVoice
from greenroom_speech.api.voices_store import VoicesStore
from greenroom_speech.codec.decoder import Reader
from greenroom_speech.codec.recording import Recording
from greenroom_speech.engines.engine_tags import EngineTags, parts_of
from greenroom_speech.settings import OPENAI_VOICES, SpeechSettings

_KEPT_BYTES = 32 * 2**20
"""Of voices that were read: five of 30 s at 48 kHz. Each would be a process forked, and 10 ms."""


@dataclass(frozen=True)
class OwnVoice:
    """A voice of the engine of tts, which needs no recording."""

    name: str
    """A value of VOICE."""


class References:
    """Finds voices, and reads recordings."""

    def __init__(
        self,
        store: VoicesStore,
        read: Reader,
        settings: SpeechSettings,
        known: Callable[[], EngineTags],
    ) -> None:
        """``known`` tells what the engine of tts can be asked for."""
        self._store = store
        self._known = known
        self._read = read
        self._default = settings.default_voice
        self._aliases = aliases_of(settings)
        self._kept: LRUCache[bytes, Recording] = LRUCache(
            _KEPT_BYTES, getsizeof=lambda kept: kept.samples.nbytes
        )

    async def of(self, asked: SpeechOptions) -> tuple[Recording | OwnVoice, str | None]:
        """The voice, and the words of its recording, None if they are not known.

        Without any, the default voice; a saved one goes before one of the engine's. Raises
        InvalidField where there are two, and what reading it raises.
        """
        if asked.voice is not None and asked.reference_audio is not None:
            raise InvalidField("voice or reference_audio can be given, not both.", "voice")
        if asked.reference_audio is not None:
            return await self._read(asked.reference_audio, "reference_audio"), asked.transcript
        found, words = await self.named(self._default if asked.voice is None else asked.voice)
        if asked.transcript is not None and isinstance(found, Recording):
            raise InvalidField(
                "transcript is given, but the voice already has one; leave transcript out.",
                "transcript",
            )
        return found, words

    async def knows(self, name: str) -> bool:
        """Whether there is a voice of that name."""
        try:
            return await asyncio.to_thread(self._found, name) is not None
        except GreenroomError:
            return False

    async def named(self, name: str) -> tuple[Recording | OwnVoice, str | None]:
        """A voice by its name. Raises UnknownVoice."""
        found = await asyncio.to_thread(self._named, name)
        if isinstance(found, OwnVoice):
            return found, None
        voice, content = found
        return await self._recording(content, f"voice {voice.name}"), voice.transcript

    async def _recording(self, content: bytes, field: str) -> Recording:
        """By the content, so a voice that has changed meanwhile is read anew."""
        key = hashlib.blake2b(content, digest_size=16).digest()
        kept = self._kept.get(key)
        if kept is None:
            kept = await self._read(content, field)
            kept.samples.setflags(write=False)
            if kept.samples.nbytes <= _KEPT_BYTES:
                self._kept[key] = kept
        return kept

    def _found(self, name: str) -> tuple[SavedVoice, bytes] | OwnVoice | None:
        if saved := self._store.find_recording(name):
            return saved
        alias = self._aliases.get(name.casefold(), name)
        if own := self._known().voice(alias):
            return OwnVoice(own)
        return self._store.find_recording(alias) if alias != name else None

    def _named(self, name: str) -> tuple[SavedVoice, bytes] | OwnVoice:
        if found := self._found(name):
            return found
        alias = self._aliases.get(name.casefold(), name)
        more = (*(each.name for each in self._known().voices), *self._aliases)
        strange = (part for part in parts_of(alias) if not self._known().voice(part))
        part = next(strange, None) if "+" in alias else None
        raise self._store.unknown(alias, more, "/v1/audio/voices", part)


def aliases_of(settings: SpeechSettings) -> dict[str, str]:
    """The voice of each further name, which is in lower case."""
    given = {name.casefold(): voice for name, voice in settings.voice_aliases.items()}
    return {**OPENAI_VOICES, **given}
