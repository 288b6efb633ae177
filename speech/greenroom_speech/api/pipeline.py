"""What a request of /v1 runs under one lease: the ensemble ``speech``, or one of its steps.

A text of any length is said sentence by sentence, each a walk through the ensemble; what asr and
tokenizer have made of the reference they keep.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass
from itertools import chain

import numpy as np

from greenroom.plugin import AppLease, Array, Gateway, Tensors
from greenroom_speech.api.ahead import one_ahead
from greenroom_speech.api.leased_voice import SPEECH, TTS, LeasedVoice
from greenroom_speech.api.reference import OwnVoice
from greenroom_speech.api.tensor_fields import one_text, text
from greenroom_speech.api.timing import Timing
from greenroom_speech.api.verification import ASR, USUAL, Rule, Verification
from greenroom_speech.codec.recording import Recording
from greenroom_speech.engines.seeds import new_seed, seed_used
from greenroom_speech.reading.aloud import Reading
from greenroom_speech.reading.pieces import Said

TOKENIZER = "tokenizer"
SILENCE = Recording(np.zeros(6000, np.float32), 24000)
"""Of a text in which there is nothing to say."""


@dataclass(frozen=True)
class Script:
    """What is to be said or changed: a reference, and the inputs of tts that say how."""

    reference: Recording | OwnVoice
    transcript: str | None
    """Words of the reference; None: they are recognised."""
    tensors: Tensors
    reading: Reading | None = None
    """What is to be said, of any length; None: the tensors tell."""
    recording_field: str = "voice"
    """Of the request, which brought the recording."""
    verify: bool = False
    """Each sentence is heard before it is handed over."""


@dataclass(frozen=True)
class Recognition:
    """What asr recognised."""

    transcript: str
    language: str


@dataclass(frozen=True)
class GrowingSpeech:
    """Sound in the making."""

    timing: Timing
    pieces: AsyncIterator[Recording]
    """Sound in pieces of one rate, the next one in work while the last is used."""
    by: LeasedVoice | None = None
    """None: there is nothing to say."""

    @property
    def transcript(self) -> str:
        """The words of the reference, once the first piece is there."""
        return (self.by and self.by.transcript) or ""

    def added(self, seconds: float) -> None:
        """Count what the listener gets beside the pieces' own length; negative: so much less."""
        if self.by:
            self.by.lease.added(seconds)

    @property
    def warnings(self) -> list[str]:
        """What the listener should know, as far as it is known."""
        return self.by.warnings if self.by else []

    @property
    def word_error_rate(self) -> float | None:
        """Of what has been verified so far; None: nothing has."""
        verification = self.by and self.by.verification
        return verification.word_error_rate if verification else None

    @property
    def seed(self) -> int | None:
        """Gives the same again, 0 where nothing is drawn; once the first piece is there."""
        return self.by.seed if self.by else None


class Pipeline:
    """Runs requests, each under one lease."""

    def __init__(self, gateway: Gateway, most_seconds: float, rule: Rule = USUAL) -> None:
        """`most_seconds` are those of the speech of one request; `rule` is of verified ones."""
        self._gateway = gateway
        self.most_seconds = most_seconds
        self._rule = rule

    @asynccontextmanager
    async def speech(self, script: Script) -> AsyncIterator[GrowingSpeech]:
        """Without a transcript in the script, asr hears the reference first.

        The pieces end, and their work, with the context.
        """
        reading = script.reading
        texts = _begun(reading.pieces()) if reading else None
        if reading and not texts:
            yield GrowingSpeech(Timing("hot", 0.0), _only(SILENCE))
            return
        async with self.speaking(script) as speaking:
            sounds = (
                _sounds(speaking, reading.said(texts)) if reading and texts else speaking.spoken()
            )
            async with one_ahead(sounds) as pieces:
                yield GrowingSpeech(Timing.of(speaking.lease), pieces, speaking)

    @asynccontextmanager
    async def speaking(self, script: Script, beside: int = 0) -> AsyncIterator[LeasedVoice]:
        """Hold the models for one utterance; the script's text is not looked at.

        `beside` are the bytes of further references.

        Where the script has no seed, one is drawn here: all sentences have the same.
        """
        reference, most = script.reference, self.most_seconds
        tensors = {"SEED": seed_used(new_seed()), **script.tensors}
        if isinstance(reference, OwnVoice):
            inputs = {**tensors, "VOICE": text(reference.name)}
            async with self._gateway.lease(SPEECH if script.verify else TTS) as lease:
                verification = self._verification(lease, script)
                yield LeasedVoice(lease, TTS, inputs, None, most, verification=verification)
            return
        held = reference.samples.nbytes + beside
        async with self._gateway.lease(SPEECH, held_bytes=held) as lease:
            inputs = {**tensors, **audio_inputs(reference)}
            verification = self._verification(lease, script)
            yield LeasedVoice(
                lease,
                SPEECH,
                inputs,
                script.transcript,
                most,
                verification=verification,
                recording_field=script.recording_field,
            )

    def _verification(self, lease: AppLease, script: Script) -> Verification | None:
        if not script.verify:
            return None
        language = script.reading.language if script.reading else None
        return Verification(lease, self._rule, language)

    async def hear(self, recording: Recording, language: str | None) -> tuple[Recognition, Timing]:
        """Without ``language`` the engine detects it, if it can."""
        async with self._lease(ASR, recording) as lease:
            heard = await _heard(lease, audio_inputs(recording), language)
        return heard, Timing.of(lease)

    async def analyse(self, recording: Recording) -> Timing:
        """Analyse a recording ahead; tokenizer keeps the result for the requests that use it."""
        async with self._lease(TOKENIZER, recording) as lease:
            await lease.infer(TOKENIZER, audio_inputs(recording))
        return Timing.of(lease)

    def _lease(self, model: str, recording: Recording) -> AbstractAsyncContextManager[AppLease]:
        return self._gateway.lease(model, held_bytes=recording.samples.nbytes)


async def _sounds(
    speaking: LeasedVoice, texts: AsyncGenerator[Said, None]
) -> AsyncGenerator[Recording, None]:
    async with aclosing(speaking.said(texts)) as parts:
        async for part in parts:
            if part.sound:
                yield part.sound


async def _only(sound: Recording) -> AsyncIterator[Recording]:
    yield sound


def _begun(texts: Iterator[Said]) -> Iterator[Said] | None:
    """None if there is nothing to say."""
    first = next(texts, None)
    return chain([first], texts) if first else None


async def _heard(lease: AppLease, audio: Tensors, language: str | None) -> Recognition:
    inputs = {**audio, "AUDIO_LANGUAGE": text(language)} if language else audio
    heard = await lease.infer(ASR, inputs)
    return Recognition(one_text(heard["TRANSCRIPT"]), one_text(heard["AUDIO_LANGUAGE"]))


def audio_inputs(recording: Recording) -> dict[str, Array]:
    """AUDIO and SAMPLE_RATE."""
    return {"AUDIO": recording.samples, "SAMPLE_RATE": np.array([recording.rate], np.int32)}
