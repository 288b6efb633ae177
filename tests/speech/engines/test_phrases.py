"""The embedded voice in steps: what it says piece by piece, and in turns."""

import numpy as np
import pytest
from engine_requests import text

from greenroom.errors import InvalidInput
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


def test_a_stream_that_would_be_late_goes_before_who_has_waited_longer(tts):
    def row(seconds):
        phrase = np.zeros(int(seconds * 24_000), np.float32)
        return SpeakingRow(iter([(phrase, False)] * 9), 24_000)

    played, ahead, whole = row(1.0), row(60.0), row(1.0)
    for stream in (played, ahead):
        tts.step([stream])
        stream.take(whole=False)
    tts.step([whole])
    order = []
    for _ in range(4):
        before = {one: one.turn for one in (ahead, whole, played)}
        tts.step(list(before))
        order += [one for one, turn in before.items() if one.turn != turn]
    assert order == [played] * 4
    played.take(whole=False)  # 4 s more: nobody is late, so they take turns
    tts.step([ahead, whole, played])
    assert ahead.turn > whole.turn


def test_a_text_that_grows_too_long_ends_with_its_reason(tts, prompt, settings, monkeypatch):
    monkeypatch.setattr(tts, "_settings", settings.model_copy(update={"max_speech_seconds": 3.5}))
    with pytest.raises(InvalidInput, match=r"^TEXT takes \d s or more to say; .* at most 3\.5 s"):
        pieces_of(tts, {**prompt("henry"), "TEXT": text(TEXT)})
