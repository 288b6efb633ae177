"""Streams of the engine `step-audio-editx`, on a small checkpoint in float32."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spoken_rows import RATE, clone, prompt, run, wave, words
from tiny_checkpoints.voice import voice_checkpoint

from greenroom_speech.engines.step_audio.tts_engine import StepAudioEditX
from greenroom_speech.engines.tasks import order_of
from greenroom_speech.settings import EngineSettings

pytestmark = pytest.mark.slow

SENTENCE = "Hello there, this is a sentence to be said aloud. "
LONG = SENTENCE * 12
CHAIN = {"TASK": ("clone", "emotion"), "TASK_INFO": ("", "sad")}
REQUESTS = [
    clone(SENTENCE, 2),
    clone(SENTENCE, 4, **CHAIN),
    prompt(40, 7) | {"TASK": words("denoise"), "SEED": np.array([7])},
    clone(LONG, 5),
]


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Small products are slower with more, above all where others compute too."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return voice_checkpoint(tmp_path_factory.mktemp("models"), ends=4.5)


@pytest.fixture(scope="module")
def make(models):
    engines = []

    def made(**more):
        # What a random model says is too short for most texts.
        given = {"tts_redraws": -1, "tts_precision": "float32", **more}
        engines.append(StepAudioEditX(EngineSettings(models_dir=models, **given)))
        return engines[-1]

    yield made
    for engine in engines:
        engine.close()


@pytest.fixture(scope="module")
def engine(make):
    return make(tts_streams=2)


@pytest.fixture(scope="module")
def alone(engine):
    """The pieces of each request when nothing is beside it."""
    return [waves_of(run(engine, [request], whole=False)[0]) for request in REQUESTS]


def waves_of(pieces):
    return [piece["WAVEFORM"] for piece in pieces]


def is_idle(engine):
    generator = engine._language.generator
    return not (generator._rows or generator.reading or engine._open) and not any(
        place.taken for place in engine._places._places
    )


def test_a_stream_says_what_the_whole_answer_says(engine, alone):
    for request, pieces in zip(REQUESTS[:3], alone, strict=False):
        assert sum(map(len, pieces)) == len(wave(engine, request))
    assert all(len(pieces) > 2 for pieces in alone)


def test_the_first_piece_can_be_heard(alone):
    for first, *rest in alone:
        assert len(first) >= 0.3 * RATE
        assert max(np.abs(wave).max() for wave in (first, *rest)) <= 1
        assert np.abs(first).max() > 0.004


@dataclass(frozen=True)
class Visit:
    """One client: what it asks, when it comes, how long it lets a piece wait, when it leaves."""

    number: int
    at: int
    waits: int
    leaves: int | None


VISITS = st.builds(
    Visit,
    number=st.integers(0, 3),
    at=st.sampled_from([0, 3, 50, 200]),
    waits=st.sampled_from([0, 0, 30, 300]),
    leaves=st.sampled_from([None, None, 0, 1]),
)


def visited(engine, visits):
    """Let all come, listen and go; return the pieces that each took."""
    coming = sorted(visits, key=lambda visit: visit.at)
    rows, ready_since, heard = {}, {}, [[] for _ in coming]
    for step in range(100_000):
        for number, visit in enumerate(coming):
            if visit.at == step:
                rows[number] = engine.begin(REQUESTS[visit.number], whole=False)
        if wanting := [row for row in rows.values() if not (row.ready or row.done)]:
            engine.step(wanting)
        for number, row in list(rows.items()):
            visit = coming[number]
            assert row.error is None
            if row.ready and step - ready_since.setdefault(number, step) >= visit.waits:
                heard[number].append(row.take(whole=False).tensors["WAVEFORM"])
                del ready_since[number]
            if (row.done and not row.ready) or len(heard[number]) == visit.leaves:
                engine.end(rows.pop(number))
        if not rows and step > coming[-1].at:
            return coming, heard
    raise AssertionError("some never came to their end")


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(visits=st.lists(VISITS, min_size=2, max_size=5))
def test_what_is_beside_a_stream_changes_nothing(engine, alone, visits):
    """Two streams have a place at a time; the others wait for one."""
    for visit, pieces in zip(*visited(engine, visits), strict=True):
        expected = alone[visit.number][: visit.leaves]
        assert [*map(len, pieces)] == [*map(len, expected)]
        for ours, theirs in zip(pieces, expected, strict=True):
            assert np.abs(ours - theirs).max() < 1e-4
    assert is_idle(engine)


def test_who_leaves_frees_all_at_once(engine):
    rows = [engine.begin(clone(LONG, seed), whole=False) for seed in range(5)]
    while not any(row.ready for row in rows):
        engine.step(rows)
    assert any(row.is_being_said for row in rows)
    for row in rows:
        engine.end(row)
    assert is_idle(engine)


def test_passages_of_a_long_text_leave_room_for_others(engine):
    whole = engine.begin(clone(LONG * 3, 5), whole=True)
    for _ in range(40):
        engine.step([whole])
    generator = engine._language.generator
    said = len(generator._rows)
    assert said > 1
    late = engine.begin(clone(SENTENCE, 2), whole=True)
    engine.step([whole, late])
    assert late.is_being_said
    assert len(generator._rows) == said
    engine.end(whole)
    engine.end(late)


def test_passages_are_parted_by_a_pause(engine):
    text = LONG * 3
    pieces = waves_of(run(engine, [clone(text, 5)], whole=False)[0])
    joined = np.concatenate(pieces)
    quiet = np.convolve(np.abs(joined) < 1e-6, np.ones(RATE // 10), "valid") >= RATE // 10
    assert quiet.any()
    assert np.isfinite(joined).all()


def test_the_vocoder_is_given_the_end_of_a_long_reference(make):
    short = make(tts_prompt_seconds=2)
    request = prompt(groups=120) | {"TEXT": words(SENTENCE), "SEED": np.array([1])}
    voice = short._voice(request, short._codes(request, order_of(request, short._settings)))
    assert len(voice.prompt.pairs) == 48
    assert len(voice.prompt.mel) == 96
    assert voice.prompt.mel[-1].tolist() == pytest.approx(request["SPEECH_FEATURES"][-1].tolist())
    (pieces,) = run(short, [request], whole=False)
    assert np.isfinite(np.concatenate(waves_of(pieces))).all()


def test_a_shared_set_up_is_made_once_for_a_voice(make):
    engine = make(tts_share_setup=True)
    request = clone(SENTENCE, 2)

    def steps_to_first_piece():
        row, steps = engine.begin(request, whole=False), 0
        while not row.ready:
            engine.step([row])
            steps += 1
        engine.end(row)
        return steps

    first, second = steps_to_first_piece(), steps_to_first_piece()
    assert second <= first
    one, other = (np.concatenate(waves_of(run(engine, [request], whole=False)[0])) for _ in "ab")
    assert np.array_equal(one, other)
    engine.offload()
    engine.restore()
    assert np.array_equal(np.concatenate(waves_of(run(engine, [request], whole=False)[0])), one)
