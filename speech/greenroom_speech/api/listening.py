"""The words of a recording of any length: heard piece by piece, each under a lease of its own.

So every piece takes its turn among other requests, and a client that leaves costs one piece.
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

import numpy as np

from greenroom.plugin import Array, Gateway, Tensors
from greenroom_speech.api.heard import HeardPassage, TranscriptionOptions
from greenroom_speech.api.openai_errors import InvalidField
from greenroom_speech.api.tensor_fields import one_text, text
from greenroom_speech.api.timing import Timing
from greenroom_speech.api.verification import ASR
from greenroom_speech.codec.decoder import Decoder, OpenAudioFile
from greenroom_speech.codec.limits import WINDOW_SECONDS
from greenroom_speech.codec.pauses import pieces
from greenroom_speech.codec.recording import Samples
from greenroom_speech.engines.audio_input import SILENCE_PEAK
from greenroom_speech.engines.times import SEGMENTS, WORDS, Timed
from greenroom_speech.settings import EngineSettings

SHORTEST = 0.1
"""Seconds of a recording; nobody says a word in less."""
_WIDE = re.compile("[\u2e80-\u9fff\uff00-\uffef]")
_WORDS_BEFORE = 1000
"""Characters; an engine takes the last of them that it has room for."""


class Hearing:
    """A recording that is being heard."""

    def __init__(
        self,
        gateway: Gateway,
        sound: OpenAudioFile,
        settings: EngineSettings,
        wanted: TranscriptionOptions,
    ) -> None:
        self._gateway = gateway
        self._sound = sound
        self._longest = min(settings.max_audio_seconds, WINDOW_SECONDS)
        self._shortest = settings.min_audio_seconds
        self._wanted = wanted
        self._words_before = f"{wanted.prompt} " if wanted.prompt else ""
        self._samples = 0
        self._start: str | None = None
        self._waited = 0.0
        self._asked = 0.0
        self.language = ""
        """That of the first piece with words, by the engine; empty while nobody knows."""

    @property
    def seconds(self) -> float:
        """How much has been heard."""
        return self._samples / self._sound.rate

    @property
    def told_seconds(self) -> float | None:
        """How long the recording lasts, as its file says; None where it does not."""
        return self._sound.told_seconds

    @property
    def timing(self) -> Timing:
        """The sum of all pieces until now."""
        return Timing(self._start or "hot", self._waited, {ASR: self._asked})

    async def passages(self) -> AsyncGenerator[HeardPassage, None]:
        """What is said in each piece.

        Raises InvalidInput, TooLarge, QueueFull, Unavailable, ClientDisconnect.
        """
        rate = self._sound.rate
        said = ""
        async with aclosing(pieces(self._sound.windows(), rate, self._longest)) as cut:
            async for samples in cut:
                begin = self.seconds
                self._samples += len(samples)
                if self.seconds < SHORTEST:
                    raise InvalidField(
                        f"file lasts {self.seconds:.3f} s; it must last at least {SHORTEST:g} s.",
                        "file",
                    )
                tensors = await self._heard(samples)
                heard = one_text(tensors["TRANSCRIPT"]).strip() if tensors else ""
                space = _between(said, heard) if heard and said else ""
                said = heard or said
                self._words_before = (self._words_before + space + heard)[-_WORDS_BEFORE:]
                words, segments = (_timed(tensors, of, begin) for of in (WORDS, SEGMENTS))
                yield HeardPassage(space + heard, words, segments)

    async def _heard(self, samples: Samples) -> dict[str, Array]:
        """Outputs of asr; none where nothing sounds."""
        if max(samples.max(), -samples.min()) < SILENCE_PEAK:
            return {}
        lacking = int(np.ceil(self._shortest * self._sound.rate)) - len(samples)
        if lacking > 0:
            samples = np.pad(samples, (0, lacking))
        async with self._gateway.lease(ASR, held_bytes=samples.nbytes) as lease:
            heard = await lease.infer(ASR, self._inputs(samples), self._outputs)
        self._start = self._start or lease.start
        self._waited += lease.waited
        self._asked += lease.seconds.get(ASR, 0.0)
        if one_text(heard["TRANSCRIPT"]).strip():
            self.language = self.language or one_text(heard["AUDIO_LANGUAGE"])
        return heard

    def _inputs(self, samples: Samples) -> dict[str, Array]:
        inputs: dict[str, Array] = {
            "AUDIO": samples,
            "SAMPLE_RATE": np.array([self._sound.rate], np.int32),
        }
        words = {
            "AUDIO_LANGUAGE": self._wanted.language or self.language,
            "PROMPT": self._words_before.strip(),
            "ASR_TASK": self._wanted.task,
        }
        return inputs | {name: text(value) for name, value in words.items() if value}

    @property
    def _outputs(self) -> tuple[str, ...]:
        return ("TRANSCRIPT", "AUDIO_LANGUAGE", *WORDS, *SEGMENTS) if self._wanted.timed else ()


class RecordingListener:
    """Opens recordings that are to be heard."""

    def __init__(
        self, gateway: Gateway, decoder: Decoder, settings: EngineSettings, most_seconds: float
    ) -> None:
        """`most_seconds` are those of one recording."""
        self._gateway = gateway
        self._decoder = decoder
        self._settings = settings
        self._most_seconds = most_seconds

    @asynccontextmanager
    async def opened(self, content: bytes, wanted: TranscriptionOptions) -> AsyncIterator[Hearing]:
        """Raises as `Decoder.opened` does."""
        async with self._decoder.opened(content, "file", self._most_seconds) as sound:
            yield Hearing(self._gateway, sound, self._settings, wanted)


def _timed(tensors: Tensors, names: tuple[str, str], begin: float) -> tuple[Timed, ...]:
    """Words or segments of a piece that begins at so many seconds, spaces before them.

    None where the engine of asr makes no times.
    """
    texts, times = (tensors.get(name) for name in names)
    if texts is None or times is None:
        return ()
    plain = [one.decode() for one in texts]
    spans = (times.astype(float) + begin).round(3).tolist()
    return tuple(
        Timed((_between(before, one) if before and one else " ") + one, start, end)
        for before, one, (start, end) in zip(["", *plain], plain, spans, strict=False)
    )


def _between(before: str, after: str) -> str:
    """A space, but not in Chinese and Japanese."""
    return "" if _WIDE.fullmatch(before[-1]) and _WIDE.fullmatch(after[0]) else " "
