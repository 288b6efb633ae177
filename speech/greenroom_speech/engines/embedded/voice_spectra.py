"""Moving the spectra of base speech to the speaker's."""

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from greenroom_speech.engines.embedded.formants import warped
from greenroom_speech.engines.embedded.matching import descriptors, nearest, same_kind
from greenroom_speech.engines.embedded.voice_fit import KINDS, VoiceFit
from greenroom_speech.engines.embedded.voice_profile import SILENT, VoiceProfile, decode, encode
from greenroom_speech.engines.embedded.world import BINS, RATE, Floats

REPLACED = 0.3
"""Share of the speaker's own spectra in the result; more is more alike and less intelligible."""
NEIGHBOURS = 6
PEAKS = 1.15
"""The mean of several spectra is flat; this brings its formants back."""
TIME_SMOOTHING_FRAMES = 1
SILENCE_DB = -20.0
LOWEST = -40.0
"""Log power that counts as nothing."""


def adapted_spectra(
    power: Floats, kinds: npt.NDArray[np.int32], profile: VoiceProfile, fit: VoiceFit
) -> Floats:
    """Log envelopes, shape (frames, 513), for the power envelopes of base speech.

    Formants are moved, the difference of the mean spectra is added, and a share comes from the
    speaker's own frames.
    """
    moved = warped(np.log(power), fit.alpha)
    for kind in KINDS:
        moved[kinds == kind] += fit.offset[kind]
    moved[kinds == SILENT] += SILENCE_DB / 10 * np.log(10) + fit.offset[KINDS[0]]
    theirs = _speaker_spectra(encode(power), kinds, profile, fit)
    # The speaker's spectra come at the loudness of the frame they replace.
    band = _in_band(profile.bandwidth)
    theirs += ((moved - theirs) * band).sum(axis=1, keepdims=True) / band.sum()
    share = REPLACED * band * (kinds != SILENT)[:, None]
    mixed: Floats = np.maximum(moved + share * (theirs - moved), LOWEST)
    return mixed


def _speaker_spectra(
    codes: Floats, kinds: npt.NDArray[np.int32], profile: VoiceProfile, fit: VoiceFit
) -> Floats:
    """For each frame the mean log envelope of the speaker's frames nearest to it, (frames, 513)."""
    ours = descriptors(codes, kinds, fit.base.scale)
    found = np.zeros_like(codes)
    for kind in KINDS:
        rows, targets = np.flatnonzero(kinds == kind), same_kind(fit.base.kinds, kind)
        if not rows.size:
            continue
        near, apart = nearest(ours[rows], fit.base.descriptors[targets], NEIGHBOURS)
        weights = 1.0 / (apart + 1e-2)
        weights /= weights.sum(axis=1, keepdims=True)
        paired = profile.codes[fit.pairs[targets[near]]]
        found[rows] = np.einsum("ij,ijk->ik", weights, paired)
    found[:, 1:] *= PEAKS
    smooth = gaussian_filter1d(found, TIME_SMOOTHING_FRAMES, axis=0)
    return np.log(decode(smooth))


def _in_band(bandwidth: float) -> Floats:
    """1 below the recording's bandwidth in Hz, falling to 0 over its last tenth, (513,)."""
    hertz = np.linspace(0, RATE / 2, BINS)
    if bandwidth >= RATE / 2:
        return np.ones(BINS)
    return np.clip((bandwidth * 0.95 - hertz) / (bandwidth * 0.1), 0.0, 1.0)
