"""Recordings of all kinds become mono float32 samples and a rate."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from greenroom_client import InvalidInput
from greenroom_client.audio import read_audio

STEREO = np.stack([np.full(4800, 0.5), np.full(4800, -0.25)], axis=1)


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000, 96000])
def test_a_wav_keeps_its_rate(tmp_path: Path, rate: int) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.full(rate, 0.25), rate)

    samples, found = read_audio(path)

    assert found == rate
    assert samples.dtype == np.float32
    assert samples.shape == (rate,)
    assert samples[0] == 0.25


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "aiff", "caf"])
def test_stereo_is_mixed_down(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, STEREO, 48000)

    samples, rate = read_audio(str(path))

    assert rate == 48000
    assert samples.ndim == 1
    assert samples[1000:3000].mean() == pytest.approx(0.125, abs=0.02)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_the_bytes_of_a_file_do_as_well(tone: Path, kind: type) -> None:
    samples, rate = read_audio(kind(tone.read_bytes()))

    expected, _ = read_audio(tone)
    assert rate == 16000
    assert np.array_equal(samples, expected)


def test_the_content_counts_and_not_the_suffix(tone: Path, tmp_path: Path) -> None:
    misnamed = tmp_path / "tone.raw"
    misnamed.write_bytes(tone.read_bytes())

    assert read_audio(misnamed)[1] == 16000


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (np.array([0, 16384, -32768], np.int16), [0, 0.5, -1]),
        (np.array([0, 2**30, -(2**31)], np.int32), [0, 0.5, -1]),
        (np.array([128, 192, 0], np.uint8), [0, 0.5, -1]),
        (np.array([0, 0.5, -1], np.float64), [0, 0.5, -1]),
        (np.array([0, 0.5, -1], np.float16), [0, 0.5, -1]),
        (np.array([[0, 0], [1, 0], [-1, -1]], np.float32), [0, 0.5, -1]),
        (np.array([[0, 0], [32767, 1], [-32768, -32768]], np.int16), [0, 0.5, -1]),
        (np.array([[0], [0.5], [-1]], np.float32), [0, 0.5, -1]),
    ],
)
def test_arrays_are_scaled_to_one(samples: np.ndarray[Any, Any], expected: list[float]) -> None:
    mono, rate = read_audio((samples, np.int64(22050)))

    assert mono.dtype == np.float32
    assert rate == 22050
    assert mono.tolist() == expected


GOOD = np.zeros(800, np.float32)


@pytest.mark.parametrize(
    ("audio", "words"),
    [
        ("/no/such/file.wav", ["/no/such/file.wav", "No such file"]),
        ("a\0b", ["cannot be read"]),
        ("/", ["cannot be read", "directory"]),
        (b"this is no recording at all", ["the 27 bytes", "not audio"]),
        (b"", ["the 0 bytes", "not audio"]),
        (None, ["None", "path"]),
        (3.5, ["a float", "path"]),
        ((GOOD, 16000, 1), ["(samples as a numpy array, rate in Hz)"]),
        ((16000, GOOD), ["(samples as a numpy array, rate in Hz)"]),
        (([0.0, 0.1], 16000), ["(samples as a numpy array, rate in Hz)"]),
        ((GOOD.reshape(2, 20, 20), 16000), ["(2, 20, 20)", "[n, channels]"]),
        ((GOOD.reshape(2, 400), 16000), ["(2, 400)", "[n, channels]"]),
        ((GOOD.astype(np.int64), 16000), ["int64", "int16"]),
        ((GOOD, 16000.5), ["16000.5", "whole number"]),
        ((GOOD, True), ["True", "whole number"]),
        ((GOOD, 0), ["0 samples per second", "8000"]),
        ((GOOD, 7999), ["7999 samples per second", "8000"]),
        ((GOOD, 2**31), ["2147483648 samples per second"]),
        ((GOOD[:0], 16000), ["no samples"]),
        ((GOOD.reshape(800, 1)[:, :0], 16000), ["no samples"]),
        ((np.array([0, np.nan], np.float32), 16000), ["finite"]),
        ((np.array([0, np.inf], np.float32), 16000), ["finite"]),
    ],
)
def test_what_is_no_recording_is_refused_with_a_sentence(audio: Any, words: list[str]) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_audio(audio)

    sentence = str(refused.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    for word in words:
        assert word in sentence


def test_a_file_without_samples_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.wav"
    soundfile.write(path, np.zeros(0), 16000)

    with pytest.raises(InvalidInput, match="no samples"):
        read_audio(path)
