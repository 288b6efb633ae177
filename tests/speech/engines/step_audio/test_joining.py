"""Pieces of speech are joined without clicks."""

import numpy as np
import pytest

from greenroom_speech.engines.step_audio.joining import PAUSE_SECONDS, Wave, join

RATE = 24_000


def tone(seconds: float, silence: float = 0.0) -> Wave:
    """Return a loud tone: smoothly between two silences, or broken off at both ends."""
    time = np.arange(round(seconds * RATE)) / RATE
    wave = 0.8 * np.cos(2 * np.pi * 200 * time)
    if silence:
        wave *= np.minimum(1, 100 * np.minimum(time, seconds - time))
    around = np.zeros(round(silence * RATE))
    return np.concatenate([around, wave, around]).astype(np.float32)


@pytest.mark.parametrize("silence", [0.0, 0.05, 1.0])
def test_there_is_a_pause_of_the_same_length_and_no_click(silence: float) -> None:
    joined = join([tone(0.5), tone(0.5, silence), tone(0.5)], RATE)
    assert joined.dtype == np.float32
    loud = np.flatnonzero(np.abs(joined) > 0.1)
    gaps = np.diff(loud)
    pauses = gaps[gaps > 0.1 * RATE] / RATE
    assert pauses == pytest.approx([PAUSE_SECONDS, PAUSE_SECONDS], abs=0.03)
    smooth = np.abs(np.diff(tone(0.5))).max()
    assert np.abs(np.diff(joined)).max() < 1.1 * smooth


def test_beginning_and_end_stay() -> None:
    first, last = tone(0.5, 0.3), tone(0.5, 0.3)
    joined = join([first, last], RATE)
    assert np.array_equal(joined[: RATE // 2], first[: RATE // 2])
    assert np.array_equal(joined[-RATE // 2 :], last[-RATE // 2 :])


def test_one_piece_is_left_alone_and_empty_ones_do_not_count() -> None:
    wave = tone(0.2)
    assert np.array_equal(join([np.zeros(0, np.float32), wave], RATE), wave)
    assert len(join([], RATE)) == 0


def test_odd_pieces() -> None:
    silent, short = np.zeros(RATE, np.float32), np.ones(3, np.float32)
    assert np.isfinite(join([silent, short, silent, tone(0.1)], RATE)).all()
