"""One utterance of a WebSocket: its sentences become sound, in messages, under one lease."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

from fastapi import WebSocket

from greenroom.plugin import GreenroomError
from greenroom_speech.api.ahead import one_ahead
from greenroom_speech.api.arriving_text import ArrivingText
from greenroom_speech.api.formats import Formats, Writer
from greenroom_speech.api.leased_voice import SoundPart
from greenroom_speech.api.pipeline import Pipeline, Script
from greenroom_speech.api.reference import OwnVoice, References
from greenroom_speech.api.sound_answer import louder, seconds_of
from greenroom_speech.api.speech_request import SessionConfig
from greenroom_speech.api.tempo import Tempo
from greenroom_speech.codec.recording import Recording
from greenroom_speech.reading.aloud import ReadAloud
from greenroom_speech.reading.pieces import Said


@dataclass
class Utterance:
    """What is to be said, which may still be written, and how far it is."""

    index: int
    config: SessionConfig
    text: ArrivingText = field(default_factory=ArrivingText)
    tells_ignored: bool = False
    """Its first sentence names the fields of the config that have no effect."""
    ignored: Sequence[str] = ()
    """Such fields."""
    sentences: int = 0
    warnings: list[str] = field(default_factory=list)
    """Of sentences without a sound, which nobody was told yet."""
    speaking: asyncio.Task[None] | None = None
    """None until a sentence is there."""

    def untold(self) -> dict[str, list[str]]:
        """The warnings as a message has them, which tells them now."""
        told = {"warnings": self.warnings} if self.warnings else {}
        self.warnings = []
        return told


class UtteranceSpeaker:
    """Says utterances; a lease of the models for each."""

    def __init__(
        self, pipeline: Pipeline, references: References, read_aloud: ReadAloud, formats: Formats
    ) -> None:
        self._pipeline = pipeline
        self._references = references
        self._read_aloud = read_aloud
        self._formats = formats

    async def say(self, utterance: Utterance, websocket: WebSocket) -> None:
        """Send all of it, sentence by sentence. Raises GreenroomError, WebSocketDisconnect."""
        config = utterance.config
        reference, transcript = await self._references.of(config)
        known, recorded = self._read_aloud.known(), isinstance(reference, Recording)
        tensors = config.tensors(known, recorded)
        if utterance.tells_ignored:
            utterance.ignored = config.left_out(known, recorded)
        script = Script(
            reference,
            transcript,
            tensors,
            recording_field=config.recording_field,
            verify=config.verify,
        )
        async with (
            self._pipeline.speaking(script) as speaking,
            one_ahead(speaking.said(self._said(utterance, reference))) as parts,
        ):
            await self._send_all(utterance, websocket, parts, speaking.lease.added)

    async def _said(
        self, utterance: Utterance, reference: Recording | OwnVoice
    ) -> AsyncGenerator[Said, None]:
        own = reference.name if isinstance(reference, OwnVoice) else None
        async with aclosing(utterance.text.taken()) as sentences:
            async for sentence in sentences:
                reading = await self._read_aloud.of(sentence.text, utterance.config.language, own)
                async for piece in reading.said(reading.pieces()):
                    yield replace(piece, pause=piece.pause or sentence.pause)

    async def _send_all(
        self,
        utterance: Utterance,
        websocket: WebSocket,
        parts: AsyncIterator[SoundPart],
        added: Callable[[float], None],
    ) -> None:
        async for part in parts:
            if part.sound is None:
                utterance.warnings += part.warnings
                continue
            kind = utterance.config.response_format
            async with self._formats.opened(kind, part.sound.rate) as file:
                await self._send_sentence(utterance, websocket, part, parts, file, added)

    async def _send_sentence(
        self,
        utterance: Utterance,
        websocket: WebSocket,
        part: SoundPart,
        parts: AsyncIterator[SoundPart],
        file: Writer,
        added: Callable[[float], None],
    ) -> None:
        assert part.sound
        place = {"utterance_index": utterance.index, "sentence_index": utterance.sentences}
        is_first = utterance.sentences == 0
        ignored = {"ignored": utterance.ignored} if is_first and utterance.ignored else {}
        utterance.sentences += 1
        config, rate = utterance.config, part.sound.rate
        seed = {} if part.seed is None else {"seed": part.seed}
        await send_message(
            websocket,
            "audio.start",
            **place,
            sentence_text=part.said.text,
            format=config.response_format,
            sample_rate=rate,
            **seed,
            **ignored,
        )
        frames = _Frames(websocket, config.stream_audio)
        tempo = Tempo(config.speed, rate)
        try:
            while part.sound:
                for samples in seconds_of(part.sound):
                    moved = await asyncio.to_thread(tempo.moved, samples)
                    added((len(moved) - len(samples)) / rate)
                    await frames.send(await file.written(louder(moved, config.volume_multiplier)))
                part = await anext(parts)
            await frames.send(await file.written(tempo.end()) + await file.end())
            await frames.end()
        except GreenroomError:
            await send_message(
                websocket, "audio.done", **place, total_bytes=frames.bytes, error=True
            )
            raise
        utterance.warnings += part.warnings
        told = utterance.untold()
        await send_message(
            websocket, "audio.done", **place, total_bytes=frames.bytes, error=False, **told
        )


class _Frames:
    """The sound of one sentence as binary messages."""

    def __init__(self, websocket: WebSocket, as_it_comes: bool) -> None:
        self._websocket = websocket
        self._as_it_comes = as_it_comes
        self._kept = bytearray()
        self.bytes = 0

    async def send(self, content: bytes) -> None:
        self.bytes += len(content)
        if not self._as_it_comes:
            self._kept += content
        elif content:
            await self._websocket.send_bytes(content)

    async def end(self) -> None:
        if self._kept:
            await self._websocket.send_bytes(bytes(self._kept))


async def send_message(websocket: WebSocket, kind: str, **fields: Any) -> None:
    """Send one message."""
    await websocket.send_json({"type": kind, **fields})
