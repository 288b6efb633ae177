"""HiFT gives the numbers of the parity fixtures."""

import pytest
import torch
from parity_fixtures import parity_io
from tiny_vocoder import distance, hift

IO = parity_io("hift")
MEL = IO["mel"][0]
ZEROS = torch.zeros_like(IO["source_noise"][0])


def test_pitch() -> None:
    assert distance(hift().f0_predictor(MEL[None]), IO["f0"]) < 1e-3


@pytest.mark.parametrize(
    ("noise", "case"), [(IO["source_noise"][0], ""), (ZEROS, "_zero_noise")], ids=["drawn", "zero"]
)
def test_source_and_wave(noise: torch.Tensor, case: str) -> None:
    source = hift().source(MEL, noise)
    assert distance(source, IO[f"source{case}"][0, 0]) < 2e-3
    assert distance(hift()(MEL, source), IO[f"wav{case}"][0]) < 2e-3


@pytest.mark.parametrize("case", ["", "_zero_noise"])
def test_the_wave_of_a_given_source(case: str) -> None:
    wave = hift()(MEL, IO[f"source{case}"][0, 0])
    assert distance(wave, IO[f"wav{case}"][0]) < 1e-4


def test_the_decoder_before_its_transform() -> None:
    spectrum = hift().source_spectrum(IO["source_zero_noise"][0, 0])
    assert distance(spectrum, IO["source_stft_zero_noise"][0]) < 1e-4
    raw = hift().decoded(MEL, IO["source_stft_zero_noise"][0])
    assert distance(raw, IO["decoder_raw_zero_noise"][0]) < 1e-4


def test_an_earlier_source_takes_the_place_of_the_first_samples() -> None:
    source = hift().source(MEL, ZEROS)
    earlier = IO["cache_source"][0, 0]
    source[: len(earlier)] = earlier
    assert distance(hift()(MEL, source), IO["wav_zero_noise_with_cache"][0]) < 2e-3
