"""Several speakers in one sound, one after another under one lease."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

from greenroom.plugin import GreenroomError
from greenroom_speech.api.ahead import one_ahead
from greenroom_speech.api.leased_voice import SPEECH, TTS, LeasedVoice, only_unspeakable
from greenroom_speech.api.pauses import Pauses
from greenroom_speech.api.pipeline import GrowingSpeech, Pipeline, Script, audio_inputs
from greenroom_speech.api.reference import OwnVoice
from greenroom_speech.api.tensor_fields import text
from greenroom_speech.api.timing import Timing
from greenroom_speech.codec.recording import Recording

TURN_PAUSE = 0.4
"""Seconds before another speaker begins."""


@asynccontextmanager
async def conversation(pipeline: Pipeline, turns: Sequence[Script]) -> AsyncIterator[GrowingSpeech]:
    """As `Pipeline.speech`; every turn has a reading in which there is something to say."""
    recorded = [turn for turn in turns if isinstance(turn.reference, Recording)]
    leading = recorded[0] if recorded else turns[0]
    distinct = {id(turn.reference): turn.reference for turn in recorded[1:]}
    held = sum(each.samples.nbytes for each in distinct.values() if isinstance(each, Recording))
    async with (
        pipeline.speaking(leading, beside=held) as speaking,
        one_ahead(_said(speaking, turns)) as sounds,
    ):
        yield GrowingSpeech(Timing.of(speaking.lease), sounds, speaking)


async def _said(speaking: LeasedVoice, turns: Sequence[Script]) -> AsyncGenerator[Recording, None]:
    pauses, pause, seconds = Pauses(), 0.0, 0.0
    left_out: GreenroomError | None = None
    for turn in turns:
        assert turn.reading is not None
        own = _speaker(speaking, turn, speaking.most_seconds - seconds)
        try:
            async with aclosing(own.said(turn.reading.said(turn.reading.pieces()))) as parts:
                async for part in parts:
                    if part.sound is None:
                        continue
                    sound = pauses.before(part.sound, pause)
                    speaking.lease.added(sound.seconds - part.sound.seconds)
                    pauses.heard(sound)
                    pause, seconds, speaking.seed = 0.0, seconds + sound.seconds, own.seed
                    yield sound
        except GreenroomError as error:
            left_out = only_unspeakable(error)
        pause = TURN_PAUSE if seconds else 0.0
    if left_out and not seconds:
        raise left_out


def _speaker(speaking: LeasedVoice, turn: Script, most_seconds: float) -> LeasedVoice:
    """Who says this turn; what is told of all of them is kept together."""
    inputs = {"SEED": speaking.inputs["SEED"], **turn.tensors}
    if isinstance(turn.reference, OwnVoice):
        inputs, model = {**inputs, "VOICE": text(turn.reference.name)}, TTS
    else:
        inputs, model = {**inputs, **audio_inputs(turn.reference)}, SPEECH
    return replace(
        speaking,
        model=model,
        inputs=inputs,
        transcript=turn.transcript,
        recording_field=turn.recording_field,
        most_seconds=most_seconds,
    )
