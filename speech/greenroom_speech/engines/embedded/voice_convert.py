"""Speaking with a fitted voice: pitch, formants and spectra of the base become the speaker's."""

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np

from greenroom_speech.engines.embedded import world
from greenroom_speech.engines.embedded.base_analysis import kinds_of
from greenroom_speech.engines.embedded.loudness import FRAME
from greenroom_speech.engines.embedded.stretches import borders
from greenroom_speech.engines.embedded.voice_fit import VoiceFit
from greenroom_speech.engines.embedded.voice_pitch import smooth_pitch
from greenroom_speech.engines.embedded.voice_profile import VoiceProfile
from greenroom_speech.engines.embedded.voice_spectra import adapted_spectra
from greenroom_speech.engines.embedded.world import Analysis, Floats

_CONTEXT = 10 * FRAME
"""Samples on both sides of a stretch that are analysed with it."""
_FADE = 2 * FRAME
"""Samples in which two stretches fade into each other."""


Contour = Callable[[Floats], Floats]
"""From the base's F0 in Hz to that of the result, both 0 where unvoiced."""


def adapted(
    samples: Floats, profile: VoiceProfile, fit: VoiceFit, contour: Contour, first: bool
) -> Iterator[tuple[Floats, bool]]:
    """A sentence of base speech (24 kHz) in the speaker's voice, not yet levelled.

    It comes stretch by stretch, with True at the last one; ``first`` says that somebody waits
    for the first sound of it.
    """
    tail = np.zeros(0)
    for begin, end in pairwise(borders(samples, first)):
        low, high = max(begin - _CONTEXT, 0), min(end + _CONTEXT, samples.size)
        voice = world.synthesise(_frames(samples[low:high], contour, profile, fit))
        start = max(begin - _FADE // 2, 0) - low
        if tail.size:
            rising = np.linspace(0, 1, _FADE)
            voice[start : start + _FADE] = voice[start : start + _FADE] * rising + tail
        last = end == samples.size
        stop = voice.size if last else end - _FADE // 2 - low
        tail = voice[stop : stop + _FADE] * np.linspace(1, 0, voice[stop : stop + _FADE].size)
        yield voice[start:stop], last


def _frames(samples: Floats, contour: Contour, profile: VoiceProfile, fit: VoiceFit) -> Analysis:
    f0, times = smooth_pitch(samples)
    power = world.envelope(samples, f0, times)
    spectra = adapted_spectra(power, kinds_of(samples, f0), profile, fit)
    return Analysis(contour(f0), np.exp(spectra), world.aperiodicity(samples, f0, times))
