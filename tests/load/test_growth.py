"""The soak's verdict on series of samples."""

import numpy as np
import pytest
from growth import WARM_UP, growth

CYCLES = 40
NOISE = np.random.default_rng(0).normal(0, 200, CYCLES)


def test_noise_around_a_level_is_no_growth():
    assert growth("rss", 10_000 + NOISE, 2_000).kept


def test_what_grows_a_little_each_cycle_is_found_in_the_noise():
    judged = growth("rss", 10_000 + NOISE + 50 * np.arange(CYCLES), 2_000)
    assert not judged.kept
    assert judged.slope == pytest.approx(5_000, rel=0.3)
    assert judged.last > judged.first


def test_the_first_cycles_and_single_samples_do_not_count():
    series = np.full(CYCLES, 100.0)
    series[:WARM_UP] = np.arange(WARM_UP)
    series[[15, 35]] = 400
    assert growth("threads", series, 0).slope == 0


def test_one_thread_in_each_cycle_is_growth():
    assert not growth("threads", 80 + np.arange(CYCLES), 1).kept


def test_too_few_samples_give_no_verdict():
    with pytest.raises(ValueError, match="rss has 10 samples; 16 are needed"):
        growth("rss", range(10), 1)
