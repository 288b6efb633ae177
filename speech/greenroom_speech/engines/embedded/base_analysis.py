"""A base voice measured once, on its base text."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from greenroom_speech.engines.embedded import world
from greenroom_speech.engines.embedded.base_voice import BaseVoice, Speaker
from greenroom_speech.engines.embedded.loudness import active_frames, frame_rms
from greenroom_speech.engines.embedded.matching import Descriptors, Scale, descriptors, scale_of
from greenroom_speech.engines.embedded.voice_profile import SILENT, UNVOICED, VOICED, encode
from greenroom_speech.engines.embedded.world import Floats

Kinds = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Frames:
    """What matching needs of a piece of clean synthetic speech, per 5 ms frame."""

    kinds: Kinds
    """SILENT, UNVOICED or VOICED."""
    f0: Floats
    """Hz, 0 unvoiced."""
    codes: Floats
    """Coded log envelopes, shape (frames, 60)."""

    @cached_property
    def scale(self) -> Scale:
        """Mean and deviation of the codes."""
        return scale_of(self.codes, self.kinds)

    @cached_property
    def descriptors(self) -> Descriptors:
        """What is compared with other speech, one row per frame."""
        return descriptors(self.codes, self.kinds, self.scale)


def kinds_of(samples: Floats, f0: Floats) -> Kinds:
    """SILENT, UNVOICED or VOICED for every 5 ms frame of 24 kHz samples, shape of ``f0``."""
    active = active_frames(frame_rms(samples, f0.size))
    return np.where(active, np.where(f0 > 0, VOICED, UNVOICED), SILENT).astype(np.int32)


def frames_of(samples: Floats) -> Frames:
    """For clean synthetic speech at 24 kHz."""
    f0, times = world.synthetic_pitch(samples)
    codes = encode(world.envelope(samples, f0, times))
    return Frames(kinds_of(samples, f0), f0, codes)


def measured(speaker: Speaker, voice: BaseVoice, text: str) -> Frames:
    parts = [frames_of(samples) for samples in speaker.say(text, voice)]
    return Frames(
        kinds=np.concatenate([part.kinds for part in parts]),
        f0=np.concatenate([part.f0 for part in parts]),
        codes=np.concatenate([part.codes for part in parts]),
    )
