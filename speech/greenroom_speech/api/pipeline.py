"""What a request of /v1 runs: asr, tokenizer and tts one after another under one lease.

The ensemble ``speech`` does the same in one call; here the steps are called one by one, so
that each one's seconds can be told, and a transcript that is known costs nothing.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import numpy as np

from greenroom.plugin import Array, Gateway, Tensors
from greenroom_speech.api.tensor_fields import one_text, text
from greenroom_speech.api.timing import TimedLease, Timing
from greenroom_speech.decoder.recording import Recording

SPEECH, ASR, TOKENIZER, TTS = "speech", "asr", "tokenizer", "tts"


@dataclass(frozen=True)
class Script:
    """What is to be said or changed: a reference, and the inputs of tts that say how."""

    reference: Recording
    transcript: str | None
    """Words of the reference; None: they are recognised."""
    tensors: Tensors


@dataclass(frozen=True)
class Transcription:
    """What asr recognised."""

    transcript: str
    language: str


@dataclass(frozen=True)
class Spoken:
    """A waveform and the words of its reference."""

    recording: Recording
    transcript: str


class Pipeline:
    """Runs requests, each under one lease."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def speak(self, script: Script) -> tuple[Spoken, Timing]:
        """Without a transcript in the script, asr hears the reference first."""
        async with self._lease(SPEECH, script.reference) as lease:
            audio, transcript = _audio(script.reference), script.transcript
            if transcript is None:
                transcript = (await _heard(lease, audio, None)).transcript
            prompt = await lease.infer(TOKENIZER, audio)
            inputs = {**prompt, **script.tensors, **audio, "TRANSCRIPT": text(transcript)}
            spoken = await lease.infer(TTS, inputs)
        rate = int(spoken["WAVEFORM_RATE"][0])
        return Spoken(Recording(spoken["WAVEFORM"], rate), transcript), lease.timing

    async def hear(
        self, recording: Recording, language: str | None
    ) -> tuple[Transcription, Timing]:
        """Without ``language`` the engine detects it, if it can."""
        async with self._lease(ASR, recording) as lease:
            heard = await _heard(lease, _audio(recording), language)
        return heard, lease.timing

    async def analyse(self, recording: Recording) -> Timing:
        """Analyse a recording ahead; tokenizer keeps the result for the requests that use it."""
        async with self._lease(TOKENIZER, recording) as lease:
            await lease.infer(TOKENIZER, _audio(recording))
        return lease.timing

    @asynccontextmanager
    async def _lease(self, model: str, recording: Recording) -> AsyncIterator[TimedLease]:
        size = recording.samples.nbytes
        async with self._gateway.lease(model, held_bytes=size) as lease:
            yield TimedLease(lease)


async def _heard(lease: TimedLease, audio: Tensors, language: str | None) -> Transcription:
    inputs = {**audio, "AUDIO_LANGUAGE": text(language)} if language else audio
    heard = await lease.infer(ASR, inputs)
    return Transcription(one_text(heard["TRANSCRIPT"]), one_text(heard["AUDIO_LANGUAGE"]))


def _audio(recording: Recording) -> dict[str, Array]:
    return {"AUDIO": recording.samples, "SAMPLE_RATE": np.array([recording.rate], np.int32)}
