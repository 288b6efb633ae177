"""Moving the pitch of base speech to the speaker's."""

import numpy as np
from scipy.ndimage import median_filter

from greenroom_speech.engines.embedded import world
from greenroom_speech.engines.embedded.voice_profile import VoiceProfile
from greenroom_speech.engines.embedded.world import Floats

STD_RATIO = (0.6, 2.0)
REACH_STD = 2.0
"""How far from its mean the speaker's ln F0 goes, in deviations."""
MEDIAN_FRAMES = 9
TORN_FRAMES = 3
HEARD_LOWER = 0.97
"""Trackers prolong voiced stretches upwards: they hear 0 to 6 % more than was synthesised."""
OUTLIER = 0.5
"""ln F0 this far from the median is an error of the pitch tracker."""


def smooth_pitch(samples: Floats) -> tuple[Floats, Floats]:
    """F0 in Hz and times in seconds, each voiced stretch freed of single jumps and of torn ends."""
    f0, times = world.synthetic_pitch(samples)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], f0 > 0, [0]])))
    for begin, end in edges.reshape(-1, 2):
        stretch = median_filter(f0[begin:end], MEDIAN_FRAMES, mode="nearest")
        if end - begin > 3 * TORN_FRAMES:
            stretch[:TORN_FRAMES] = stretch[TORN_FRAMES]
            stretch[-TORN_FRAMES:] = stretch[-TORN_FRAMES - 1]
        f0[begin:end] = stretch
    return f0, times


class PitchMap:
    """Moves the mean and the deviation of ln F0 from the base voice's to the speaker's.

    What is farther out than the speaker goes is an error of the pitch tracker and is held at the
    border.
    """

    def __init__(self, base_f0: Floats, profile: VoiceProfile) -> None:
        self._ratio = float(np.clip(profile.log_f0_std / _log_std(base_f0), *STD_RATIO))
        self._middle = float(np.median(np.log(base_f0[base_f0 > 0])))
        self._reach = REACH_STD * max(profile.log_f0_std, 0.1)
        self._level = 0.0
        self._level = np.log(HEARD_LOWER * _mean_pitch(profile.f0) / _mean_pitch(self(base_f0)))

    def __call__(self, f0: Floats) -> Floats:
        """The speaker's F0 in Hz for the base's, 0 where that is 0."""
        log_f0 = np.log(np.where(f0 > 0, f0, 1.0))
        away = np.clip((log_f0 - self._middle) * self._ratio, -self._reach, self._reach)
        return np.where(f0 > 0, np.exp(away + self._level), 0.0)


def _mean_pitch(f0: Floats) -> float:
    """The mean of the voiced frames in Hz, 1 where there is none."""
    voiced = f0[f0 > 0]
    return float(np.mean(voiced)) if voiced.size else 1.0


def _log_std(f0: Floats) -> float:
    log_f0 = np.log(f0[f0 > 0])
    kept = log_f0[np.abs(log_f0 - np.median(log_f0)) < OUTLIER]
    return max(float(np.std(kept)), 0.02)
