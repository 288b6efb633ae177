"""Speaking with a fitted voice: pitch, formants and spectra of the base become the speaker's."""

import numpy as np

from greenroom_speech.engines.embedded import world
from greenroom_speech.engines.embedded.base_analysis import kinds_of
from greenroom_speech.engines.embedded.voice_fit import VoiceFit
from greenroom_speech.engines.embedded.voice_pitch import PitchMap, smooth_pitch
from greenroom_speech.engines.embedded.voice_profile import VoiceProfile
from greenroom_speech.engines.embedded.voice_spectra import adapted_spectra
from greenroom_speech.engines.embedded.world import Analysis, Floats


def adapted(pieces: list[Floats], profile: VoiceProfile, fit: VoiceFit) -> list[Floats]:
    """Each piece of base speech (24 kHz) in the speaker's voice, not yet levelled."""
    tracks = [smooth_pitch(piece) for piece in pieces]
    contour = PitchMap(np.concatenate([f0 for f0, _ in tracks]), fit.base.f0, profile)
    return [
        world.synthesise(_frames(piece, f0, times, contour, profile, fit))
        for piece, (f0, times) in zip(pieces, tracks, strict=True)
    ]


def _frames(
    samples: Floats,
    f0: Floats,
    times: Floats,
    contour: PitchMap,
    profile: VoiceProfile,
    fit: VoiceFit,
) -> Analysis:
    power = world.envelope(samples, f0, times)
    spectra = adapted_spectra(power, kinds_of(samples, f0), profile, fit)
    return Analysis(contour(f0), np.exp(spectra), world.aperiodicity(samples, f0, times))
