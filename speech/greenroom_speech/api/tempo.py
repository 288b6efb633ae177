"""Faster or slower speech at the same pitch: OpenAI's ``speed`` for any engine.

Waveform-similarity overlap-add: Verhelst and Roelands, "An overlap-add technique based on
waveform similarity (WSOLA) for high quality time-scale modification of speech", ICASSP 1993.
"""

import numpy as np

from greenroom_speech.decoder.recording import Recording, Samples

WINDOW_SECONDS = 0.025
SEARCH_SECONDS = 0.008


def at_speed(recording: Recording, speed: float) -> Recording:
    """The recording `speed` times as fast; its length is divided by `speed`."""
    half = round(WINDOW_SECONDS * recording.rate / 2)
    if speed == 1.0 or len(recording.samples) < 4 * half:
        return recording
    reach = round(SEARCH_SECONDS * recording.rate)
    moved = _overlapped(recording.samples, speed, half, reach)
    return Recording(moved, recording.rate)


def _overlapped(samples: Samples, speed: float, half: int, reach: int) -> Samples:
    length = round(len(samples) / speed)
    padded = np.pad(samples, (reach, 2 * half + 2 * reach + round(half * speed)))
    window = np.hanning(2 * half + 1)[:-1].astype(np.float32)
    made = np.zeros(length + 3 * half, np.float32)
    expected = padded[reach : reach + 2 * half]
    for step in range(length // half + 1):
        begin = min(round(step * half * speed), len(samples))
        at = begin + _best(padded[begin : begin + 2 * half + 2 * reach], expected)
        piece = padded[at : at + 2 * half]
        made[step * half : (step + 2) * half] += piece * window
        expected = padded[at + half : at + 3 * half]
    # The first half window has no partner to add up to one with.
    made[:half] = samples[:half]
    return made[:length]


def _best(region: Samples, expected: Samples) -> int:
    """The offset in `region` where it continues the last piece best, by normalised correlation."""
    if len(expected) < len(region) - len(expected):
        return 0
    energy = np.convolve(region**2, np.ones(len(expected), np.float32), "valid")
    return int(np.argmax(np.correlate(region, expected, "valid") / np.sqrt(energy + 1e-6)))
