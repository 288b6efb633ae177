"""Rows join and leave between tokens: what each says is what it says alone."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from language_models import SMALL, generator, random_model

from greenroom_speech.engines.step_audio.language_model.generation import (
    Decoding,
    GeneratedSpeech,
    Generator,
    Prompt,
)
from greenroom_speech.engines.step_audio.language_model.sampling import Sampling

LONG = SMALL.model_copy(update={"max_seq_len": 4096})
MODEL = random_model(LONG)
DRAWN = Sampling(temperature=1.0)
STEPS = 40
ALONE: dict[tuple[int, int, int], list[int]] = {}


@dataclass(frozen=True)
class Arrival:
    """One request and what becomes of it."""

    length: int
    seed: int
    most_new: int
    at: int
    """In which step it comes."""
    leaves: int | None
    """After so many ids of its own; None: it stays."""

    @property
    def prompt(self) -> Prompt:
        ids = [4 + (self.seed * 31 + place * 7) % 190 for place in range(self.length)]
        return Prompt(ids, self.seed, self.most_new)

    def alone(self) -> list[int]:
        """Return what it says in the steps of a test when nobody is beside it."""
        key = (self.length, self.seed, self.most_new)
        if key not in ALONE:
            maker = generator(MODEL, DRAWN, requests=1)
            decoding = maker.begin(self.prompt)
            maker.join(decoding)
            while maker.read(decoding):
                pass
            for _ in range(STEPS):
                maker.step()
            ALONE[key] = decoding.speech
        return ALONE[key]


ARRIVALS = st.builds(
    Arrival,
    length=st.sampled_from([1, 7, 300]),
    seed=st.integers(0, 2),
    most_new=st.sampled_from([1, 12, 1100, 2500]),
    at=st.integers(0, 20),
    leaves=st.sampled_from([None, None, 0, 5]),
)


def met(maker: Generator, arrivals: list[Arrival]) -> Iterator[tuple[Arrival, Decoding]]:
    """Let them come and go for some steps, as an engine does: one block is read in a step."""
    waiting = sorted(arrivals, key=lambda arrival: arrival.at)
    rows: dict[Decoding, Arrival] = {}
    reading: Decoding | None = None
    for step in range(STEPS):
        if reading is None and waiting and waiting[0].at <= step:
            decoding = maker.begin(waiting[0].prompt)
            if maker.join(decoding):
                rows[decoding], reading = waiting.pop(0), decoding
        if reading is not None and not maker.read(reading):
            reading = None
        maker.step()
        for decoding, arrival in rows.items():
            if arrival.leaves is not None and decoding.new >= arrival.leaves:
                maker.leave(decoding)
                reading = None if reading is decoding else reading
    yield from ((arrival, decoding) for decoding, arrival in rows.items())


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(st.lists(ARRIVALS, min_size=2, max_size=10), st.sampled_from([1, 2, 8]))
def test_what_each_says_is_what_it_says_alone(arrivals: list[Arrival], requests: int) -> None:
    maker = generator(MODEL, DRAWN, requests=requests)
    for arrival, decoding in met(maker, arrivals):
        expected = arrival.alone()
        assert decoding.speech == expected[: decoding.new]
        if isinstance(decoding.answer, GeneratedSpeech):
            assert decoding.answer.ids == expected


def test_room_is_shared_by_what_each_needs() -> None:
    maker = generator(MODEL, DRAWN, requests=1)
    short, long = Prompt([5] * 10, 0, 100), Prompt([5] * 10, 0, 4000)

    def joins(prompt: Prompt) -> bool:
        decoding = maker.begin(prompt)
        if joined := maker.join(decoding):
            assert not maker.join(maker.begin(short)), "one is read at a time"
            while maker.read(decoding):
                pass
        return joined

    assert [joins(short) for _ in range(4)] == [True] * 4
    assert not joins(short)
    maker.leave(maker._rows[0])
    assert not joins(long)
    for row in list(maker._rows):
        maker.leave(row)
    assert joins(long)
    assert not joins(short)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_that_is_being_read_stays_whole_when_others_leave(place: int) -> None:
    maker = generator(MODEL, DRAWN, requests=8)
    rows = []
    for seed in range(3):
        rows.append(maker.begin(Prompt([5 + seed] * 20, seed, 50)))
        maker.join(rows[-1])
        maker.read(rows[-1])
    late = Arrival(700, 1, 12, at=0, leaves=None)
    decoding = maker.begin(late.prompt)
    maker.join(decoding)
    maker.read(decoding)
    maker.leave(rows[place])
    while maker.read(decoding):
        maker.step()
    while decoding.answer is None:
        maker.step()
    assert decoding.answer.ids == late.alone()
