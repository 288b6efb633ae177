"""What visitors have made: the last few clips of each, newest first; of all, as many as fit."""

import io
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import soundfile

KEPT = 8
KEPT_BYTES = 256 * 2**20
"""Of all visitors' sounds together."""


class Sound:
    """An audio file in memory, until later ones need its room."""

    def __init__(self, content: bytes, media_type: str) -> None:
        self.content, self.media_type = content, media_type
        self.token = secrets.token_urlsafe(16)
        """Nobody can guess it: who knows it may listen."""


class Clip(Sound):
    """A wav file and how it came to be."""

    before: Sound | None = None
    """What it was made of, if it is an edit."""
    seed = ""
    """Gives the same again; "" where nothing is drawn by chance."""

    def __init__(self, content: bytes, text: str, what: str, start: str, took: float) -> None:
        super().__init__(content, "audio/wav")
        self.seconds = float(soundfile.info(io.BytesIO(content)).duration)
        self.text, self.what, self.start, self.took = text, what, start, took

    @property
    def playable(self) -> tuple[int, Any] | None:
        """Rate and samples as Gradio plays them; None when they are no longer kept."""
        if not self.content:
            return None
        samples, rate = soundfile.read(io.BytesIO(self.content), dtype="int16")
        return rate, samples


class Sounds:
    """Forgets the oldest sounds when all have more than `most` bytes."""

    def __init__(self, most: int = KEPT_BYTES) -> None:
        self._most = most
        self._kept: OrderedDict[str, Sound] = OrderedDict()
        self._bytes = 0

    def keep(self, sound: Sound) -> None:
        self._kept[sound.token] = sound
        self._bytes += len(sound.content)
        while self._bytes > self._most and len(self._kept) > 1:
            self.forget(next(iter(self._kept.values())))

    def get(self, token: str) -> Sound | None:
        return self._kept.get(token)

    def forget(self, sound: Sound) -> None:
        if self._kept.pop(sound.token, None):
            self._bytes -= len(sound.content)
            sound.content = b""


@dataclass(frozen=True)
class Clips:
    """Bounded; a new one for each change, so that nobody shares it by mistake."""

    clips: tuple[Clip, ...] = ()

    def with_clip(self, clip: Clip) -> "Clips":
        """The new one first, at most KEPT."""
        return Clips((clip, *self.clips)[:KEPT])

    def without(self, clip: Clip) -> "Clips":
        return Clips(tuple(one for one in self.clips if one is not clip))
