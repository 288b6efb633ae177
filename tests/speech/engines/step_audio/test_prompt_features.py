"""Features and preprocessing against the numbers of the parity fixtures."""

import pytest
import torch
from parity_fixtures import parity_io, parity_json

from greenroom_speech.engines.step_audio.prompt_analysis.kaldi_fbank import fbank, povey_window
from greenroom_speech.engines.step_audio.prompt_analysis.log_mel import log_mel
from greenroom_speech.engines.step_audio.prompt_analysis.preprocessing import (
    limited,
    normalised,
    trimmed,
)
from greenroom_speech.engines.step_audio.prompt_analysis.resampling import resampled
from greenroom_speech.engines.step_audio.prompt_analysis.speech_features import speech_features


def close(found: torch.Tensor, expected: torch.Tensor, tolerance: float) -> None:
    assert found.shape == expected.shape
    assert float((found - expected).abs().max()) <= tolerance


@pytest.fixture(scope="module")
def features():
    return parity_io("features")


@pytest.mark.parametrize(
    ("source", "rate", "wanted", "expected"),
    [
        ("wav_44k1", 44_100, 24_000, "resample_44k1_to_24k"),
        ("wav_44k1", 44_100, 16_000, "resample_44k1_to_16k"),
        ("wav_24k", 24_000, 16_000, "resample_24k_to_16k"),
        ("wav_16k", 16_000, 24_000, "resample_16k_to_24k"),
    ],
)
def test_resampling_equals_torchaudios(features, source, rate, wanted, expected):
    close(resampled(features[source], rate, wanted)[None], features[expected], 1e-5)


def test_rates_without_a_common_divisor_are_resampled_too():
    time = torch.arange(44_101) / 44_101
    moved = resampled(torch.sin(2 * torch.pi * 440 * time), 44_101, 16_000)
    expected = torch.sin(2 * torch.pi * 440 * torch.arange(16_000) / 16_000)
    assert moved.shape == expected.shape
    assert float((moved - expected)[100:-100].abs().max()) < 2e-3


def test_whispers_spectrogram(features):
    close(log_mel(features["wav_16k"]), features["whisper_logmel_128"], 1e-4)


def test_kaldis_filter_bank(features):
    found = fbank(features["wav_16k"], povey_window())
    close(found, features["campplus_fbank"], 2e-3)
    close(found - found.mean(0), features["campplus_fbank_cmn"], 2e-3)


def test_speech_features(features):
    close(speech_features(features["wav_24k"])[None], features["speech_feat_24k"], 1e-3)
    moved = resampled(features["wav_44k1"], 44_100, 24_000)
    close(speech_features(moved)[None], features["speech_feat_from_44k1"], 1e-3)


@pytest.mark.parametrize("case", parity_json("preprocess")["cases"])
def test_energy_norm_and_trim(case):
    numbers = parity_io("preprocess")
    rate = parity_json("preprocess")["cases"][case]["sample_rate"]
    whole = normalised(resampled(numbers[f"in_{case}"][0], rate, 16_000))
    close(whole[None], numbers[f"out_{case}_notrim"], 1e-5)
    close(trimmed(whole)[None], numbers[f"out_{case}_trim"], 1e-5)


def test_what_is_quiet_stays_quiet():
    assert float(normalised(torch.tensor([0.001, -0.0005]))[0]) == pytest.approx(0.0999)
    assert float(normalised(torch.tensor([0.02, -0.5]))[1]) == pytest.approx(-0.999)


def test_the_peak_rule():
    numbers = parity_io("preprocess")
    close(limited(numbers["volume_in"][0])[None], numbers["volume_out"], 1e-5)
    quiet = numbers["volume_out"][0] / 2
    assert limited(quiet) is quiet
