"""Sound files and speeds, made from sound that comes in pieces."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sound_files import sound_of
from writing import file_of, written

from greenroom_speech.api.tempo import Tempo

RATE = 24000


def hum(seconds, pitch=150.0, rate=RATE):
    time = np.arange(round(seconds * rate)) / rate
    samples = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 6))
    return (0.2 * samples).astype(np.float32)


def pitch_of(samples, rate=RATE):
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return np.argmax(spectrum) * rate / len(samples)


def at_speed(samples, speed, cuts=()):
    tempo = Tempo(speed, RATE)
    parts = [tempo.moved(part) for part in np.split(samples, cuts)]
    return np.concatenate([*parts, tempo.end()])


@pytest.mark.parametrize("kind", ["mp3", "opus", "aac", "flac", "wav"])
def test_a_file_reads_back_at_its_length_and_rate(kind):
    content = file_of(hum(1.5), RATE, kind)
    samples, rate = sound_of(content)
    assert rate == (48000 if kind == "opus" else RATE) or rate == RATE
    assert len(samples) / rate == pytest.approx(1.5, abs=0.1)
    assert pitch_of(samples, rate) == pytest.approx(150, abs=2)


@pytest.mark.parametrize("kind", ["mp3", "opus", "aac", "flac", "wav", "pcm"])
async def test_bytes_come_with_the_first_quarter_of_a_second(kind):
    parts = await written(hum(2.0), RATE, kind, size=6000)
    assert len(parts[0]) > 500
    # None is late by more than a piece.
    assert all(parts[:-2])


@pytest.mark.parametrize("kind", ["mp3", "opus", "aac"])
def test_a_rate_that_a_format_lacks_is_brought_to_the_next(kind):
    content = file_of(hum(1.0, rate=23_000), 23_000, kind)
    assert len(content) > 2000


def test_pcm_is_sixteen_bits_little_endian():
    content = file_of(np.array([0.0, 0.5, -1.0, 1.5], np.float32), RATE, "pcm")
    assert np.frombuffer(content, "<i2").tolist() == [0, 16384, -32768, 32767]


@pytest.mark.parametrize("speed", [0.25, 0.5, 0.8, 1.0, 1.25, 2.0, 4.0])
def test_speed_changes_the_length_and_not_the_pitch(speed):
    moved = at_speed(hum(2.0), speed)
    assert len(moved) == pytest.approx(2.0 * RATE / speed, abs=2)
    assert pitch_of(moved) == pytest.approx(150, abs=3)
    level = np.sqrt(np.mean(moved[1000:-1000] ** 2) / np.mean(hum(2.0) ** 2))
    assert 0.85 < level < 1.1


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([0.5, 1.25, 4.0]), st.lists(st.integers(0, 8000), max_size=6))
def test_speed_knows_nothing_of_the_pieces_in_which_speech_comes(speed, cuts):
    noise = np.random.default_rng(1).uniform(-1, 1, 8000).astype(np.float32)
    assert np.array_equal(at_speed(noise, speed, sorted(cuts)), at_speed(noise, speed))


def test_speed_leaves_what_is_too_short_alone():
    short = hum(0.01)
    assert np.array_equal(at_speed(short, 2.0), short)
