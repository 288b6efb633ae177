"""Draws that are plainly wrong are drawn again, and in a stream never heard."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from spoken_rows import RATE, clone, prompt, run, words
from tiny_checkpoints.voice import voice_checkpoint

from greenroom.errors import GreenroomError, InvalidInput
from greenroom_speech.engines.seeds import draw_seed
from greenroom_speech.engines.step_audio.faults import CodeWatch, bounds, misfit, pace_of
from greenroom_speech.engines.step_audio.instructions import unknown_tags
from greenroom_speech.engines.step_audio.tts_engine import StepAudioEditX
from greenroom_speech.settings import EngineSettings

pytestmark = pytest.mark.slow

SENTENCE = "This sentence takes a little more than three seconds to say."
GOOD = 100
"""Codes of a draw that is as it should be: 2.4 s."""


def speech(codes, seed=0):
    """Return the ids of a draw without a fault."""
    draw = np.random.default_rng(seed)
    return [
        65536 + int(draw.integers(0, 1024) if place % 5 < 2 else draw.integers(1024, 5120))
        for place in range(codes)
    ]


def loop(period, codes, before=0):
    part = speech(period, 3)
    return speech(before, 4) + (part * codes)[:codes]


GOES_ON = speech(2000)
DISORDER = [66560, *speech(GOOD)]
"""A stray code of the second codebook comes first, as the released weights say it at times."""


@dataclass
class Script:
    """What a model says in its draws, one after another; of the last one the sound may be quiet."""

    draws: list
    quiet: set = field(default_factory=set)
    """Numbers of draws without a sound."""
    asked: list = field(default_factory=list)
    seeds: list = field(default_factory=list)

    def next(self, rows, cache):
        for row in rows:
            if row not in self.asked:
                self.asked.append(row)
        return [self._column(row) for row in rows]

    def _column(self, row):
        said = self.draws[min(self.asked.index(row), len(self.draws) - 1)]
        return 0 if row.new >= len(said) else 1 + said[row.new] - 65536

    def hear(self, module, given, wave):
        return wave * 0 if len(self.asked) - 1 in self.quiet else wave


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    models = voice_checkpoint(tmp_path_factory.mktemp("models"))
    # The order is not enforced: the script says what comes.
    settings = EngineSettings(models_dir=models, tts_precision="float32", tts_ordered_codes=False)
    engine = StepAudioEditX(settings)
    yield engine
    engine.close()


@pytest.fixture
def say(engine, monkeypatch):
    """Return a function that has a text said by a script."""
    engine._language.bad_draws.clear()

    def say(*draws, whole=True, quiet=(), request=None):
        script = Script([*draws], set(quiet))
        monkeypatch.setattr(engine._language.generator, "_next", script.next)
        hook = engine._vocoder.hift.register_forward_hook(script.hear)
        try:
            [answer] = run(engine, [request or clone(SENTENCE)], whole)
        finally:
            hook.remove()
        script.seeds = [row.chances.seed for row in script.asked]
        if isinstance(answer, Exception):
            raise answer
        return answer, script

    return say


def seconds(pieces):
    return sum(len(piece["WAVEFORM"]) for piece in pieces) / RATE


def warnings(pieces):
    return " ".join(filter(None, (str(piece["WARNING"][0]) for piece in pieces)))


BAD = {
    "nothing": [],
    "one that does not end": GOES_ON,
    "far too short": speech(2),
    "a loop from the beginning": loop(10, 2000),
    "a loop of eight groups later": loop(40, 2000, before=25),
    "codes out of order": DISORDER,
}


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "stream"])
@pytest.mark.parametrize("bad", [name for name in BAD if "later" not in name and "end" not in name])
def test_a_bad_draw_is_not_heard(bad, whole, say, engine):
    good, _ = say(speech(GOOD), whole=whole)
    drawn, script = say(BAD[bad], speech(GOOD), whole=whole)
    assert len(script.asked) == 2
    assert engine._language.bad_draws == {"again": 1}
    assert seconds(drawn) == seconds(good)
    assert not warnings(drawn)


@pytest.mark.parametrize("bad", ["one that does not end", "a loop of eight groups later"])
def test_what_goes_wrong_later_is_drawn_again_in_a_whole_answer(bad, say, engine):
    drawn, script = say(BAD[bad], speech(GOOD))
    assert len(script.asked) == 2
    assert seconds(drawn) == pytest.approx(GOOD * 0.024, abs=0.1)


@pytest.mark.parametrize("bad", ["one that does not end", "a loop of eight groups later"])
def test_what_goes_wrong_later_in_a_stream_ends_the_sentence_and_is_told(bad, say, engine):
    pieces, script = say(BAD[bad], whole=False)
    assert len(script.asked) == 1
    assert engine._language.bad_draws == {"cut": 1}
    assert "A sentence was not spoken correctly: it" in str(pieces[-1]["WARNING"][0])
    if "loop" in bad:
        # 25 codes of speech, the loop's first period, and the three seconds in which it was known.
        assert 0.6 < seconds(pieces) < 0.6 + 0.96 + 3.2


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "stream"])
def test_silence_is_drawn_again(whole, say, engine):
    drawn, script = say(speech(GOOD), speech(GOOD, 1), whole=whole, quiet={0})
    assert len(script.asked) == 2
    assert engine._language.bad_draws == {"again": 1}
    assert np.abs(np.concatenate([piece["WAVEFORM"] for piece in drawn])).max() > 0.1


def test_an_edit_may_leave_silence(say):
    request = prompt(40) | {"TASK": words("denoise"), "SEED": np.array([1])}
    drawn, script = say(speech(GOOD), quiet={0}, request=request)
    assert len(script.asked) == 1
    assert seconds(drawn) > 2


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "stream"])
def test_there_are_three_draws_at_most(whole, say, engine):
    with pytest.raises(GreenroomError, match="no usable speech in 3 attempts"):
        say([], whole=whole)
    assert engine._language.bad_draws == {"again": 2, "failed": 1}


def test_the_same_seed_has_the_same_further_draws():
    seeds = [draw_seed(7, draw) for draw in range(5)]
    assert seeds[0] == 7
    assert len(set(seeds)) == 5
    assert seeds == [draw_seed(7, draw) for draw in range(5)]
    assert all(0 < seed < 2**31 for seed in seeds)


def test_only_a_sentence_none_of_which_was_heard_is_drawn_again(say, engine):
    text = f"{SENTENCE} " * 8
    first, later = speech(GOOD * 5), loop(10, 2000)
    pieces, script = say(first, later, speech(GOOD * 5), whole=False, request=clone(text))
    assert len(script.asked) >= 3
    assert engine._language.bad_draws == {"again": 1}
    assert seconds(pieces) > 20


def test_a_transcript_that_does_not_fit_its_recording_is_told(say):
    fits, _ = say(speech(GOOD))
    assert not warnings(fits)
    request = clone(SENTENCE) | {"TRANSCRIPT": words("far too many words for this " * 20)}
    told, _ = say(speech(GOOD), whole=False, request=request)
    assert "TRANSCRIPT takes about 36 s to say and the recording has 3 s" in warnings(told[:1])


def test_without_checks_the_parser_refuses_what_is_out_of_order(engine, say, monkeypatch):
    settings = engine._settings.model_copy(update={"tts_redraws": -1})
    monkeypatch.setattr(engine, "_settings", settings)
    language = engine._language
    monkeypatch.setattr(
        engine, "_language", type(language)(**vars(language) | {"settings": settings})
    )
    with pytest.raises(InvalidInput, match="Audio code 0 is 1024; at this place"):
        say(DISORDER)


@pytest.mark.parametrize(
    ("codes", "fault"),
    [
        (speech(2000), None),
        (loop(10, 29), None),
        (loop(10, 30), "loop"),
        (loop(15, 100), None),
        (loop(15, 200), "loop"),
        # A pause of a second and a half, all of the same codes.
        (loop(5, 60, before=50) + speech(50), None),
    ],
)
@pytest.mark.parametrize("at_once", [1, 7, 5000])
def test_a_loop_is_known_by_its_codes(codes, fault, at_once):
    watch, codes = CodeWatch(), [number - 65536 for number in codes]
    found = None
    for begin in range(0, len(codes), at_once):
        found = found or watch.add(codes[begin : begin + at_once])
    assert bool(found) == bool(fault)


def test_limits_follow_the_text_and_the_speaker():
    assert pace_of("hello world", 0.7) == pytest.approx(1, abs=0.1)
    assert pace_of("hello world " * 9, 16) == 2.0
    assert pace_of("hello world", 60) == 1.0
    assert misfit("hello world", 4) is None
    assert misfit("hello world", 30)
    usual, slow = bounds(SENTENCE, 0, 1.0), bounds(SENTENCE, 0, 2.0)
    assert usual.least < 1 < 8 < usual.most < slow.most
    assert bounds("", 20, 1.0).most > 40


def test_unknown_brackets_are_read_as_text_and_told(say):
    request = clone("Well [Bang], here [sigh] it is.", TASK=("clone", "paralinguistic"))
    request["TASK_INFO"] = words("", "")
    told, script = say(speech(GOOD), speech(GOOD, 1), request=request)
    assert len(script.asked) == 2
    assert "TEXT contains '[Bang]', which is not a known sound" in warnings(told)
    assert unknown_tags("[Japanese] [sigh] hm") is None
