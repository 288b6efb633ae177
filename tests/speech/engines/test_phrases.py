"""The embedded voice in steps: what it says piece by piece, and in turns."""

import math
from collections import deque
from types import SimpleNamespace

import numpy as np
import pytest
from engine_requests import text

from greenroom.errors import InvalidInput
from greenroom_speech.engines import speaking
from greenroom_speech.engines.embedded.loudness import active_rms
from greenroom_speech.engines.speaking import SpeakingRow

pytestmark = pytest.mark.slow  # several utterances

TEXT = "The children are playing in the garden behind the house. No. They will come in soon."


def pieces_of(engine, request) -> list[np.ndarray]:
    """Return what is taken from a row, each as soon as it is ready."""
    row, taken = engine.begin(request, whole=False), []
    while not row.done or row.ready:
        if not row.ready:
            engine.step([row])
            continue
        piece = row.take(whole=False)
        wave = piece.tensors["WAVEFORM"]
        assert piece.seconds == wave.size / piece.tensors["WAVEFORM_RATE"][0]
        taken.append(wave)
    if row.error is not None:
        raise row.error
    return taken


def test_pieces_joined_are_the_whole_answer_and_each_can_be_heard(tts, prompt):
    request = {**prompt("henry"), "TEXT": text(TEXT)}
    pieces = pieces_of(tts, request)
    assert len(pieces) > 3
    assert np.array_equal(np.concatenate(pieces), tts.answer(request)["WAVEFORM"])
    assert 0.3 <= pieces[0].size / 24_000 < 1
    assert min(map(active_rms, pieces)) > 0.01


def test_a_short_first_word_is_not_a_piece_of_its_own(tts, prompt):
    first, *_ = pieces_of(tts, {**prompt("henry"), "TEXT": text("I. Think that we should go.")})
    assert first.size >= 0.3 * 24_000


def test_requests_take_turns(tts, prompt):
    voice = prompt("henry")
    long = tts.begin({**voice, "TEXT": text(TEXT)}, whole=True)
    tts.step([long])
    tts.step([long])
    short = tts.begin({**voice, "TEXT": text("Good day.")}, whole=True)
    steps = 0
    while not short.done:
        tts.step([row for row in (long, short) if not row.done])
        steps += 1
    assert not long.done
    assert steps <= 4


@pytest.mark.parametrize(
    ("left", "goes"),
    [
        ({"played": 0.6, "ahead": 60.0}, "played"),
        ({"played": 0.6, "ahead": 0.5}, "ahead"),
        ({"played": 60.0, "ahead": 60.0}, "waited"),
        ({"played": 0.9, "ahead": 60.0}, "waited"),  # all others can have a step before
        ({"played": 60.0, "sentence": 0.1}, "sentence"),
    ],
)
def test_a_stream_that_would_be_late_goes_before_who_has_waited_longer(
    tts, monkeypatch, left, goes
):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(speaking, "time", SimpleNamespace(monotonic=lambda: clock.now))
    monkeypatch.setattr(tts, "_took", deque([0.0], 16))  # of other tests, by the real clock

    def phrases(seconds):
        while True:
            clock.now += 0.25
            yield np.zeros(round(seconds * 24_000), np.float32), False

    rows = {name: SpeakingRow(phrases(seconds), 24_000) for name, seconds in left.items()}
    for name, row in rows.items():
        tts.step([row])
        if name == "sentence":  # of a text of which others have been said
            row.due = clock.now + left[name]
    for row in rows.values():
        if math.isinf(row.due):
            row.take(whole=False)
    rows["waited"] = SpeakingRow(phrases(1.0), 24_000)
    tts.step(list(rows.values()))
    assert max(rows, key=lambda name: rows[name].turn) == goes


def test_a_text_that_grows_too_long_ends_with_its_reason(tts, prompt, settings, monkeypatch):
    monkeypatch.setattr(tts, "_settings", settings.model_copy(update={"max_speech_seconds": 3.5}))
    with pytest.raises(InvalidInput, match=r"^TEXT takes \d s or more to say; .* at most 3\.5 s"):
        pieces_of(tts, {**prompt("henry"), "TEXT": text(TEXT)})
