"""Fitting a base voice to a speaker: which voice, how its formants move, which frames pair."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from greenroom_speech.engines.embedded.base_analysis import Frames
from greenroom_speech.engines.embedded.base_voice import BaseVoice
from greenroom_speech.engines.embedded.formants import best_warp, warped
from greenroom_speech.engines.embedded.matching import (
    Descriptors,
    Indexes,
    descriptors,
    nearest,
    same_kind,
    scale_of,
)
from greenroom_speech.engines.embedded.voice_profile import UNVOICED, VOICED, VoiceProfile, decode
from greenroom_speech.engines.embedded.world import Floats

KINDS = (UNVOICED, VOICED)
SEARCH_STEP = 4
"""The warp is looked for on every fourth frame."""
MEAN_SMOOTHING_BINS = 6


@dataclass(frozen=True)
class VoiceFit:
    """How one base voice becomes one speaker."""

    voice: BaseVoice
    base: Frames
    alpha: float
    """Factor on the formants of the base voice."""
    distance: float
    """Of the paired frames after the warp, in nepers."""
    pairs: Indexes
    """For each frame of the base its nearest frame of the speaker."""
    offset: dict[int, Floats]
    """Log envelope to add to the warped base, shape (513,), per kind of frame."""


def fitted(profile: VoiceProfile, candidates: dict[BaseVoice, Frames]) -> VoiceFit:
    """The fit that comes nearest to the speaker, of all candidates."""
    speaker = descriptors(profile.codes, profile.kinds, scale_of(profile.codes, profile.kinds))
    fits = [_fit(profile, speaker, voice, base) for voice, base in candidates.items()]
    return min(fits, key=lambda fit: fit.distance)


def _fit(profile: VoiceProfile, speaker: Descriptors, voice: BaseVoice, base: Frames) -> VoiceFit:
    pairs = _pairs(base, speaker, profile.kinds)
    voiced = np.flatnonzero(base.kinds == VOICED)[::SEARCH_STEP]
    alpha, distance = best_warp(base.codes[voiced], profile.codes[pairs[voiced]], profile.bandwidth)
    means = {UNVOICED: profile.unvoiced_mean, VOICED: profile.voiced_mean}
    offset = {kind: _offset(base.codes[base.kinds == kind], means[kind], alpha) for kind in KINDS}
    return VoiceFit(voice, base, alpha, distance, pairs, offset)


def _pairs(base: Frames, theirs: Descriptors, their_kinds: npt.NDArray[np.int32]) -> Indexes:
    pairs: Indexes = np.zeros(len(base.kinds), dtype=np.intp)
    for kind in KINDS:
        rows, targets = np.flatnonzero(base.kinds == kind), same_kind(their_kinds, kind)
        found, _ = nearest(base.descriptors[rows], theirs[targets], 1)
        pairs[rows] = targets[found[:, 0]]
    return pairs


def _offset(codes: Floats, wanted: Floats, alpha: float) -> Floats:
    """The speaker's mean log envelope less the warped base's, smoothed over bins, (513,)."""
    if not len(codes) or not wanted.any():
        return np.zeros_like(decode(np.zeros((1, wanted.size)))[0])
    target = np.log(decode(wanted[np.newaxis]))[0]
    base = warped(np.log(decode(codes.mean(axis=0)[np.newaxis])), alpha)[0]
    smooth: Floats = gaussian_filter1d(target - base, MEAN_SMOOTHING_BINS)
    return smooth
