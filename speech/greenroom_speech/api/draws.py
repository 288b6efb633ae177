"""Several draws of one text at once, to choose from: rows of the model over one prompt."""

import asyncio
import base64
from dataclasses import dataclass, replace

import numpy as np

from greenroom.plugin import AppLease, Array, GreenroomError
from greenroom_speech.api.answers import DrawObject, Draws
from greenroom_speech.api.formats import Formats
from greenroom_speech.api.leased_voice import LeasedVoice
from greenroom_speech.api.pipeline import SILENCE, TOKENIZER, Pipeline, Script
from greenroom_speech.api.reference import OwnVoice
from greenroom_speech.api.sound_answer import SoundOptions, encoded
from greenroom_speech.api.timing import Timing
from greenroom_speech.api.verification import Rule, Verification
from greenroom_speech.codec.recording import Recording
from greenroom_speech.engines.seeds import draw_seed, seed_used
from greenroom_speech.reading.aloud import Reading

_ONCE = Rule(most_errors=1.0, redraws=0)
"""None is drawn again: that is what the other draws are for."""


@dataclass(frozen=True)
class Draw:
    """One of them."""

    sound: Recording
    seed: int
    word_error_rate: float
    similarity: float | None
    """Of its speaker to that of the reference, -1 to 1; None: there is no reference."""


async def draws(
    pipeline: Pipeline, script: Script, reading: Reading, count: int
) -> tuple[list[Draw], Timing]:
    """The draws that came to an end, best first. Raises GreenroomError if none did."""
    async with pipeline.speaking(replace(script, verify=True)) as speaking:
        asked = int(speaking.inputs["SEED"].reshape(-1)[0])
        work = [_draw(speaking, script, reading, draw_seed(asked, k)) for k in range(count)]
        found = await asyncio.gather(*work, return_exceptions=True)
        timing = Timing.of(speaking.lease)
    made = [draw for draw in found if isinstance(draw, Draw)]
    for error in found:
        if isinstance(error, BaseException) and not (made and isinstance(error, GreenroomError)):
            raise error
    return sorted(made, key=lambda draw: (draw.word_error_rate, -(draw.similarity or 0))), timing


async def shown(found: list[Draw], formats: Formats, wanted: SoundOptions) -> Draws:
    """As JSON has them."""

    async def one(draw: Draw) -> DrawObject:
        content = await encoded(draw.sound, formats, wanted)
        return DrawObject(
            seed=draw.seed,
            audio=base64.b64encode(content).decode(),
            format=wanted.kind,
            word_error_rate=draw.word_error_rate,
            similarity=draw.similarity,
        )

    return Draws(draws=[await one(draw) for draw in found])


async def _draw(speaking: LeasedVoice, script: Script, reading: Reading, seed: int) -> Draw:
    lease = speaking.lease
    verification = Verification(lease, _ONCE, reading.language)
    inputs = {**speaking.inputs, "SEED": seed_used(seed)}
    own = replace(speaking, inputs=inputs, warnings=[], verification=verification)
    parts = [part async for part in own.said(reading.said(reading.pieces()))]
    sounds = [part.sound for part in parts if part.sound]
    if not sounds:
        return Draw(SILENCE, 0, 0.0, None)
    sound = Recording(np.concatenate([each.samples for each in sounds]), sounds[0].rate)
    similarity = None
    if not isinstance(script.reference, OwnVoice):
        one, other = [await _speaker(lease, each) for each in (sound, script.reference)]
        similarity = round(float(one @ other / np.linalg.norm(one) / np.linalg.norm(other)), 4)
    return Draw(sound, own.seed or 0, verification.word_error_rate or 0.0, similarity)


async def _speaker(lease: AppLease, sound: Recording) -> Array:
    """SPEAKER_EMBEDDING of the sound's first half minute."""
    inputs = {
        "AUDIO": sound.samples[: 28 * sound.rate],
        "SAMPLE_RATE": np.array([sound.rate], np.int32),
    }
    return (await lease.infer(TOKENIZER, inputs))["SPEAKER_EMBEDDING"].reshape(-1)
