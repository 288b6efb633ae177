"""What was said is heard, and drawn again where too many words are wrong."""

from dataclasses import replace

import numpy as np
import pytest
from scripted_gateway import RATE, ScriptedGateway

from greenroom.errors import GreenroomError, InvalidInput
from greenroom.managed.stepped_engine import Piece
from greenroom_speech.api.draws import draws
from greenroom_speech.api.pipeline import Pipeline, Script
from greenroom_speech.api.reference import OwnVoice
from greenroom_speech.api.word_errors import word_errors, words_of
from greenroom_speech.codec.recording import Recording
from greenroom_speech.engines.seeds import draw_seed, seed_used
from greenroom_speech.reading.aloud import reading_of

REFERENCE = Recording(np.ones(RATE, np.float32), RATE)
TEXT = "One two three four."
SEED = 700_001


class Hearing(ScriptedGateway):
    """Its asr hears a sound as the test says for the seed that it was drawn with."""

    def __init__(self, heard, draws_nothing=False):
        super().__init__()
        self.heard, self.nothing, self.seeds = heard, draws_nothing, []

    async def stream(self, model, tensors):
        seed = int(tensors["SEED"][0])
        self.seeds.append(seed)
        if self.heard.get(seed) is None and seed in self.heard:
            raise InvalidInput("The model produced no usable speech.")
        yield Piece(
            {
                # A float32 has room for a seed of 24 bits.
                "WAVEFORM": np.full(RATE, (seed % 2**20) / 2**20, np.float32),
                "WAVEFORM_RATE": np.array([RATE], np.int32),
                "SEED_USED": seed_used(0 if self.nothing else seed),
            }
        )

    async def infer(self, model, tensors):
        told = round(float(tensors["AUDIO"][0]) * 2**20)
        seed = next((seed for seed in self.heard if seed % 2**20 == told), None)
        if model == "tokenizer":
            return {"SPEAKER_EMBEDDING": np.array([1.0, told % 7], np.float32)}
        return {"TRANSCRIPT": np.array([self.heard.get(seed, "").encode()], object)}


def script(**more):
    given = Script(REFERENCE, "words", {"SEED": seed_used(SEED)}, reading_of(TEXT, "en"))
    return replace(given, **more)


async def verified(gateway):
    async with Pipeline(gateway, 100).speech(script(verify=True)) as speech:
        pieces = [piece async for piece in speech.pieces]
        return speech, pieces


SECOND, THIRD = draw_seed(SEED, 1), draw_seed(SEED, 2)


@pytest.mark.parametrize(
    ("heard", "seeds", "rate", "warned"),
    [
        ({SEED: "one, two; 3 four"}, [SEED], 0.0, False),
        ({SEED: "", SECOND: "One two three for"}, [SEED, SECOND], 0.25, False),
        ({SEED: "", SECOND: "two three", THIRD: "one"}, [SEED, SECOND, THIRD], 0.5, True),
    ],
)
async def test_a_sentence_is_drawn_again_until_it_is_understood(heard, seeds, rate, warned):
    gateway = Hearing(heard)
    speech, pieces = await verified(gateway)
    assert gateway.seeds == seeds
    assert speech.word_error_rate == rate
    assert speech.seed == SEED
    assert len(pieces) == 1
    assert bool(speech.warnings) == warned


async def test_what_draws_nothing_is_not_asked_again():
    gateway = Hearing({SEED: "something else"}, draws_nothing=True)
    speech, _ = await verified(gateway)
    assert gateway.seeds == [SEED]
    assert speech.word_error_rate > 0.3


async def test_several_draws_come_best_first():
    heard = {SEED: "one two", SECOND: "one two three four", THIRD: None}
    gateway = Hearing(heard)
    found, _ = await draws(Pipeline(gateway, 100), script(), reading_of(TEXT, "en"), 3)
    assert sorted(gateway.seeds) == sorted(heard)
    assert [draw.seed for draw in found] == [SECOND, SEED]
    assert [draw.word_error_rate for draw in found] == [0.0, 0.5]
    assert all(-1 <= draw.similarity <= 1 for draw in found)
    nothing, _ = await draws(Pipeline(gateway, 100), script(), reading_of("...", "en"), 2)
    assert [(draw.word_error_rate, draw.similarity) for draw in nothing] == [(0.0, None)] * 2
    own = script(reference=OwnVoice("of_the_engine"))
    (alone,), _ = await draws(Pipeline(gateway, 100), own, reading_of(TEXT, "en"), 1)
    assert alone.similarity is None
    with pytest.raises(GreenroomError, match="no usable speech"):
        await draws(Pipeline(Hearing({SEED: None}), 100), script(), reading_of(TEXT, "en"), 1)


@pytest.mark.parametrize(
    ("wanted", "heard", "errors", "words"),
    [
        ("Don't stop!", "dont stop", 0, 2),
        ("[Laughter] Well, well.", "well", 1, 2),
        ("今天天气好。", "今天天汽好", 1, 5),
        ("", "noise", 1, 0),
        ("a b c", "a x b c", 1, 3),
    ],
)
def test_words_are_compared_without_marks(wanted, heard, errors, words):
    assert word_errors(words_of(wanted), words_of(heard)) == errors
    assert len(words_of(wanted)) == words
