import io

import numpy as np
import pytest
import soundfile

from greenroom_speech.api.formats import encoded
from greenroom_speech.api.tempo import at_speed
from greenroom_speech.decoder.recording import Recording

RATE = 24000


def hum(seconds, pitch=150.0, rate=RATE):
    time = np.arange(round(seconds * rate)) / rate
    samples = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 6))
    return Recording((0.2 * samples).astype(np.float32), rate)


def pitch_of(samples, rate=RATE):
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return np.argmax(spectrum) * rate / len(samples)


@pytest.mark.parametrize("kind", ["mp3", "opus", "flac", "wav"])
def test_a_file_reads_back_at_its_length_and_rate(kind):
    content, media_type = encoded(hum(1.5), kind)
    samples, rate = soundfile.read(io.BytesIO(content))
    assert media_type.startswith("audio/")
    assert rate == (48000 if kind == "opus" else RATE) or rate == RATE
    assert len(samples) / rate == pytest.approx(1.5, abs=0.08)
    assert pitch_of(samples, rate) == pytest.approx(150, abs=2)


def test_pcm_is_sixteen_bits_little_endian():
    content, _ = encoded(Recording(np.array([0.0, 0.5, -1.0], np.float32), RATE), "pcm")
    assert np.frombuffer(content, "<i2").tolist() == [0, 16384, -32768]


@pytest.mark.parametrize("speed", [0.25, 0.5, 0.8, 1.0, 1.25, 2.0, 4.0])
def test_speed_changes_the_length_and_not_the_pitch(speed):
    moved = at_speed(hum(2.0), speed)
    assert len(moved.samples) == pytest.approx(2.0 * RATE / speed, abs=2)
    assert pitch_of(moved.samples) == pytest.approx(150, abs=3)
    level = np.sqrt(np.mean(moved.samples[1000:-1000] ** 2) / np.mean(hum(2.0).samples ** 2))
    assert 0.85 < level < 1.1


def test_speed_leaves_what_is_too_short_alone():
    short = hum(0.01)
    assert at_speed(short, 2.0) is short
