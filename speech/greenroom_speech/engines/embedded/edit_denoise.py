"""The task ``denoise``: a Wiener filter steered by the decision-directed estimate.

Y. Ephraim, D. Malah: Speech enhancement using a minimum mean-square error short-time spectral
amplitude estimator, IEEE Trans. ASSP 32 (1984); P. Scalart, J. V. Filho: Speech enhancement
based on a priori signal to noise estimation, ICASSP 1996.
"""

import numpy as np
from scipy.signal import istft, stft

from greenroom_speech.engines.embedded.world import RATE, Floats

WINDOW, HOP = 768, 192
"""32 ms and 8 ms at 24 kHz."""
QUIET_SHARE = 0.1
"""The quietest tenth of the frames is taken for noise alone."""
SMOOTHING = 0.98
FLOOR = 0.06
"""Least gain, -24 dB: total silence between words sounds worse than a little noise."""


def denoised(samples: Floats) -> Floats:
    """24 kHz speech with its steady noise taken away, as long as it was."""
    _, _, spectrum = stft(samples, RATE, nperseg=WINDOW, noverlap=WINDOW - HOP)
    power = np.abs(spectrum) ** 2
    posterior = power / np.maximum(_noise(power), 1e-12)[:, np.newaxis]
    _, clean = istft(spectrum * _gains(posterior), RATE, nperseg=WINDOW, noverlap=WINDOW - HOP)
    result: Floats = np.zeros(samples.size)
    count = min(samples.size, clean.size)
    result[:count] = clean[:count]
    return result


def _noise(power: Floats) -> Floats:
    """The mean over the quietest frames, per frequency; ``power`` is (frequencies, frames)."""
    total = power.sum(axis=0)
    quiet = total <= np.quantile(total, QUIET_SHARE)
    noise: Floats = power[:, quiet].mean(axis=1)
    return noise


def _gains(posterior: Floats) -> Floats:
    gains = np.empty_like(posterior)
    before = np.ones(posterior.shape[0])
    for frame in range(posterior.shape[1]):
        now = posterior[:, frame]
        prior = SMOOTHING * before + (1 - SMOOTHING) * np.maximum(now - 1, 0)
        gain = np.maximum(prior / (1 + prior), FLOOR)
        before = gain**2 * now
        gains[:, frame] = gain
    return gains
