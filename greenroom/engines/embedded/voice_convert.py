"""Speaking with a fitted voice: pitch, formants and spectra of the base become the speaker's."""

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from greenroom.engines.embedded import world
from greenroom.engines.embedded.base_analysis import kinds_of
from greenroom.engines.embedded.formants import warped
from greenroom.engines.embedded.matching import descriptors, nearest, same_kind
from greenroom.engines.embedded.voice_fit import KINDS, VoiceFit
from greenroom.engines.embedded.voice_profile import SILENT, VoiceProfile, decode, encode
from greenroom.engines.embedded.world import BINS, RATE, Analysis, Floats

REPLACED = 0.5
"""Share of the speaker's own spectra in the result; more is more alike and less intelligible."""
NEIGHBOURS = 6
PEAKS = 1.15
"""The mean of several spectra is flat; this brings its formants back."""
TIME_SMOOTHING_FRAMES = 2
STD_RATIO = (0.6, 2.0)
SILENCE_DB = -20.0
LOWEST = -40.0
"""Log power that counts as nothing."""


def adapted(pieces: list[Floats], profile: VoiceProfile, fit: VoiceFit) -> list[Floats]:
    """Return each piece of base speech (24 kHz) in the speaker's voice, not yet levelled."""
    tracks = [world.pitch(piece, clean=True) for piece in pieces]
    contour = _PitchMap(np.concatenate([f0 for f0, _ in tracks]), profile)
    return [
        _converted(piece, f0, times, contour, profile, fit)
        for piece, (f0, times) in zip(pieces, tracks, strict=True)
    ]


class _PitchMap:
    """Moves the mean and deviation of ln F0 to the speaker's."""

    def __init__(self, f0: Floats, profile: VoiceProfile) -> None:
        voiced = np.log(f0[f0 > 0]) if (f0 > 0).any() else np.zeros(1)
        self._mean, self._wanted = float(np.mean(voiced)), profile.log_f0_mean
        ratio = profile.log_f0_std / max(float(np.std(voiced)), 1e-3)
        self._ratio = float(np.clip(ratio, *STD_RATIO))

    def __call__(self, f0: Floats) -> Floats:
        log_f0 = np.log(np.where(f0 > 0, f0, 1.0))
        moved = np.exp((log_f0 - self._mean) * self._ratio + self._wanted)
        return np.where(f0 > 0, np.clip(moved, world.F0_FLOOR / 1.5, world.F0_CEIL * 1.5), 0.0)


def _converted(
    samples: Floats,
    f0: Floats,
    times: Floats,
    contour: _PitchMap,
    profile: VoiceProfile,
    fit: VoiceFit,
) -> Floats:
    power = world.envelope(samples, f0, times)
    kinds = kinds_of(samples, f0)
    spectra = _spectra(power, kinds, profile, fit)
    frames = Analysis(contour(f0), np.exp(spectra), world.aperiodicity(samples, f0, times))
    return world.synthesise(frames)


def _spectra(
    power: Floats, kinds: npt.NDArray[np.int32], profile: VoiceProfile, fit: VoiceFit
) -> Floats:
    """Return log envelopes, shape (frames, 513)."""
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
    """Return for each frame the mean log envelope of the speaker's frames nearest to it."""
    ours = descriptors(codes, kinds, fit.scale)
    found = np.zeros_like(codes)
    for kind in KINDS:
        rows, targets = np.flatnonzero(kinds == kind), same_kind(fit.base.kinds, kind)
        if not rows.size:
            continue
        near, apart = nearest(ours[rows], fit.base_descriptors[targets], NEIGHBOURS)
        weights = 1.0 / (apart + 1e-2)
        weights /= weights.sum(axis=1, keepdims=True)
        paired = profile.codes[fit.pairs[targets[near]]]
        found[rows] = np.einsum("ij,ijk->ik", weights, paired)
    found[:, 1:] *= PEAKS
    smooth = gaussian_filter1d(found, TIME_SMOOTHING_FRAMES, axis=0)
    return np.log(decode(smooth))


def _in_band(bandwidth: float) -> Floats:
    """Return 1 below the recording's bandwidth, falling to 0 over its last tenth."""
    hertz = np.linspace(0, RATE / 2, BINS)
    if bandwidth >= RATE / 2:
        return np.ones(BINS)
    return np.clip((bandwidth * 0.95 - hertz) / (bandwidth * 0.1), 0.0, 1.0)
