"""Pauses between the pieces of a text."""

import numpy as np

from greenroom_speech.codec.recording import Recording

_SILENT = 0.003
"""50 dB below full scale."""


class Pauses:
    """Lengthens the silence that a piece ends with to the pause that belongs there."""

    def __init__(self) -> None:
        self._silent = 0

    def heard(self, sound: Recording) -> None:
        """Note how the sound ends."""
        loud = np.flatnonzero(np.abs(sound.samples) > _SILENT)
        before = 0 if len(loud) else self._silent
        begin = int(loud[-1]) + 1 if len(loud) else 0
        self._silent = before + len(sound.samples) - begin

    def before(self, sound: Recording, seconds: float) -> Recording:
        """The sound after what is missing of a pause; the sound's own silence does not count."""
        missing = max(0, round(seconds * sound.rate) - self._silent)
        silence = np.zeros(missing, np.float32)
        return Recording(np.concatenate((silence, sound.samples)), sound.rate)
