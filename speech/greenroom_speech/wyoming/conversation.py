"""One client's events, and what is answered: words for its sound, sound for its words."""

import asyncio
import io
import logging
import wave
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from types import TracebackType
from typing import Self

from wyoming.asr import Transcribe, Transcript, TranscriptChunk, TranscriptStart, TranscriptStop
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event, Eventable, async_write_event
from wyoming.info import Describe
from wyoming.ping import Ping, Pong
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeStopped,
    SynthesizeVoice,
)

from greenroom.errors import GreenroomError, InvalidInput, Unavailable
from greenroom_speech.api.arriving_text import ArrivingText
from greenroom_speech.wyoming.about import about
from greenroom_speech.wyoming.frames import BadFrame
from greenroom_speech.wyoming.voice_gateway import VoiceGateway

logger = logging.getLogger(__name__)

MOST_SECONDS = 300
"""Of sound in one request."""
MOST_BYTES = 256 * 2**20
"""Of the sounds of all clients, until they have been heard."""
MOST_CHARACTERS = 20_000
"""Of text that waits to be said."""
WIDTHS, MOST_CHANNELS, RATES = (1, 2, 4), 2, range(8_000, 192_001)


class Conversation:
    """Takes events in order; what it works on ends with it, so a client that leaves cancels."""

    def __init__(
        self, gateway: VoiceGateway, writer: asyncio.StreamWriter, sounds: Counter[object]
    ) -> None:
        """`sounds` counts the bytes of each conversation's sounds."""
        self._gateway = gateway
        self._sounds = sounds
        self._heard_bytes = 0
        self._writer = writer
        self._writing = asyncio.Lock()
        self._work: asyncio.Task[None] | None = None
        self._language: str | None = None
        self._sound: bytearray | None = None
        self._format = AudioStart(0, 0, 0)
        self._text: ArrivingText | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._end_work()
        del self._sounds[self]

    async def take(self, event: Event) -> None:
        """Raises BadFrame for an event that lacks what its type needs."""
        for kind, answer in self._answers.items():
            if kind.is_type(event.type):
                try:
                    await answer(kind.from_event(event))
                except (KeyError, TypeError, ValueError, AttributeError):
                    raise BadFrame(f"The event {event.type!r} lacks a required field.") from None
                except GreenroomError as refused:
                    await self._tell(Error(str(refused), type(refused).__name__))
                return

    @property
    def _answers(self) -> dict[type[Eventable], Callable[..., Awaitable[None]]]:
        """What is done by type of event; others are for other servers."""
        return {
            Describe: self._describe,
            Ping: self._ping,
            Transcribe: self._listen,
            AudioStart: self._begin_sound,
            AudioChunk: self._more_sound,
            AudioStop: self._hear,
            Synthesize: self._say,
            SynthesizeStart: self._begin_text,
            SynthesizeChunk: self._more_text,
            SynthesizeStop: self._end_text,
        }

    async def _describe(self, _: Describe) -> None:
        await self._tell(await about(self._gateway))

    async def _ping(self, ping: Ping) -> None:
        await self._tell(Pong(text=ping.text))

    async def _listen(self, asked: Transcribe) -> None:
        self._language = asked.language

    async def _begin_sound(self, start: AudioStart) -> None:
        whole = all(type(one) is int for one in (start.rate, start.width, start.channels))
        fits = whole and start.width in WIDTHS and start.rate in RATES and start.channels >= 1
        if not fits or start.channels > MOST_CHANNELS:
            raise InvalidInput(
                f"audio-start says {start.rate} Hz, {start.width} bytes, {start.channels} "
                f"channels; it must be 8000 to 192000 Hz, 1, 2 or 4 bytes, 1 or "
                f"{MOST_CHANNELS} channels."
            )
        self._sound, self._format = bytearray(), start
        self._count()

    async def _more_sound(self, chunk: AudioChunk) -> None:
        if self._sound is None:
            await self._begin_sound(AudioStart(chunk.rate, chunk.width, chunk.channels))
        assert self._sound is not None
        self._sound += chunk.audio
        self._count()
        second = self._format.rate * self._format.width * self._format.channels
        too_long = len(self._sound) > MOST_SECONDS * second
        if too_long or self._sounds.total() > MOST_BYTES:
            self._sound = None
            self._count()
            if too_long:
                sentence = f"The sound lasts more than {MOST_SECONDS} s, the most that is allowed."
                raise InvalidInput(sentence)
            raise Unavailable(
                f"All clients together have already sent {MOST_BYTES} bytes of audio; try "
                "again later."
            )

    async def _hear(self, _: AudioStop) -> None:
        sound, self._sound = self._sound, None
        if sound is not None:
            self._text = None  # a stream of text that was never ended
            wav = _wav(sound, self._format)
            await self._begin(partial(self._heard, wav, self._language), len(sound))

    async def _heard(self, wav: bytes, language: str | None) -> None:
        await self._tell(TranscriptStart(language=language))
        words = ""
        async for delta in self._gateway.heard(wav, language):
            words += delta
            await self._tell(TranscriptChunk(text=delta))
        await self._tell(Transcript(text=words, language=language))
        await self._tell(TranscriptStop())

    async def _say(self, asked: Synthesize) -> None:
        if self._text is not None:
            return  # the whole once more, for servers that know no streams
        if len(asked.text) > MOST_CHARACTERS:
            raise InvalidInput(
                f"The text has {len(asked.text)} characters; at most {MOST_CHARACTERS} are allowed."
            )
        text = ArrivingText()
        text.add(asked.text)
        text.end()
        await self._begin(partial(self._said, text, asked.voice, stream=False))

    async def _begin_text(self, asked: SynthesizeStart) -> None:
        self._text = ArrivingText()
        await self._begin(partial(self._said, self._text, asked.voice, stream=True))

    async def _more_text(self, chunk: SynthesizeChunk) -> None:
        if self._text is None:
            return
        if self._text.waiting + len(chunk.text) > MOST_CHARACTERS:
            await self._end_work()
            self._text = None
            raise InvalidInput(f"More than {MOST_CHARACTERS} characters are waiting to be spoken.")
        self._text.add(chunk.text)

    async def _end_text(self, _: SynthesizeStop) -> None:
        text, self._text = self._text, None
        if text is not None:
            text.end()

    async def _said(self, text: ArrivingText, voice: SynthesizeVoice | None, stream: bool) -> None:
        rate, samples = 0, 0
        async for sentence in text.taken():
            async for rate, part in self._spoken(sentence.text, voice):
                if not samples:
                    await self._tell(AudioStart(rate, 2, 1))
                samples += len(part) // 2
                await self._tell(AudioChunk(rate, 2, 1, part))
        if not samples:
            await self._tell(AudioStart(22_050, 2, 1))
        await self._tell(AudioStop())
        if stream:
            await self._tell(SynthesizeStopped())

    def _spoken(self, text: str, voice: SynthesizeVoice | None) -> AsyncIterator[tuple[int, bytes]]:
        return self._gateway.said(text, voice.name if voice else None)

    def _count(self) -> None:
        self._sounds[self] = len(self._sound or b"") + self._heard_bytes

    @property
    def busy(self) -> bool:
        """It is the client that waits."""
        return self._work is not None and not self._work.done()

    async def _begin(self, work: Callable[[], Awaitable[None]], size: int = 0) -> None:
        """What came before is not wanted any more; `size` is that of the sound that is heard."""
        await self._end_work()
        self._heard_bytes = size
        self._count()
        self._work = asyncio.ensure_future(self._done(work))

    async def _done(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except GreenroomError as refused:
            await self._tell(Error(str(refused), type(refused).__name__))
        except ConnectionError:
            return
        except Exception:
            logger.exception("An answer over Wyoming failed")
            await self._tell(Error("The request failed unexpectedly; see the log.", "Failed"))
        finally:
            self._heard_bytes = 0
            self._count()

    async def _end_work(self) -> None:
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)
            self._work = None

    async def _tell(self, answer: Eventable) -> None:
        async with self._writing:
            await async_write_event(answer.event(), self._writer)


def _wav(sound: bytes | bytearray, form: AudioStart) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((form.channels, form.width, form.rate, 0, "NONE", ""))
        writer.writeframes(sound)
    return file.getvalue()
