"""How to speak like the speaker of a reference: a mix of voices, its pitch, and WORLD or not."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass

import numpy as np

from greenroom_speech.engines.embedded.base_analysis import frames_of
from greenroom_speech.engines.embedded.base_voice import BaseVoice
from greenroom_speech.engines.embedded.loudness import active_frames, frame_rms
from greenroom_speech.engines.embedded.spoken import NOTHING, Spoken
from greenroom_speech.engines.embedded.voice_convert import adapted
from greenroom_speech.engines.embedded.voice_fit import VoiceFit, fitted
from greenroom_speech.engines.embedded.voice_pitch import OUTLIER
from greenroom_speech.engines.embedded.voice_profile import SILENT, VoiceProfile
from greenroom_speech.engines.embedded.world import RATE, Floats
from greenroom_speech.engines.kokoro.embedder import Embedder
from greenroom_speech.engines.kokoro.network import Kokoro, Pitch, Wave
from greenroom_speech.engines.kokoro.phrases import Phrase
from greenroom_speech.engines.kokoro.pitched_graph import VOICED_HERTZ
from greenroom_speech.engines.kokoro.speaker_features import SpeakerFeatures
from greenroom_speech.engines.kokoro.speaker_mix import mix_of
from greenroom_speech.engines.kokoro.speaking import Delivery, say
from greenroom_speech.engines.kokoro.styles import styles

BASE_TEXTS = {
    "en": "She enjoys thick yellow cheese, but the dog wants five fish.",
    "zh": "人人生而自由。尊严和权利平等。",
}
"""What a mix says to be measured, each in one phrase."""
RANGE = (0.6, 1.6)
"""Bounds on the factor on the deviation of ln F0."""
SPEED = (0.9, 1.1)
LOWER = float(np.log(0.95))
"""Short phrases are said higher than the base text."""


@dataclass(frozen=True)
class CloneManner:
    """How to speak for one reference in one language."""

    delivery: Delivery
    fit: VoiceFit | None
    """How WORLD moves the spectra; None: the mix is nearer without."""

    @property
    def bytes(self) -> int:
        """What it holds."""
        if self.fit is None:
            return 0
        base, offset = self.fit.base, self.fit.offset
        arrays = (self.fit.pairs, base.kinds, base.f0, base.codes, base.descriptors)
        return int(sum(array.nbytes for array in (*arrays, *offset.values())))


def making(
    network: Kokoro, embedder: Embedder, speaker: SpeakerFeatures, base: Phrase, transcript: str
) -> Generator[tuple[Floats, bool], None, CloneManner]:
    """The manner, in pieces of work that make no sound.

    ``base`` is the base text, ``transcript`` the phonemes of the reference, "" where they are not
    known or of another language.
    """
    shares = mix_of(speaker.embedding)
    target = _log_median(speaker.profile.f0)
    delivery = Delivery(shares, Pitch(level=target - _log_median_of(shares)))
    wave, curve = say(network, base, delivery)
    yield NOTHING, False
    delivery = Delivery(shares, _pitch(speaker, curve), _speed(speaker, wave, base, transcript))
    fit = fitted(speaker.profile, {BaseVoice("kokoro", "mix"): frames_of(wave)})
    yield NOTHING, False
    moved = np.concatenate([part for part, _ in converted(wave, speaker.profile, fit)])
    near = [_alike(embedder, samples, speaker) for samples in (wave, moved)]
    return CloneManner(delivery, fit if near[1] > near[0] else None)


def converted(samples: Floats, profile: VoiceProfile, fit: VoiceFit) -> Spoken:
    """As `adapted`; the pitch is the speaker's already."""
    return adapted(samples, profile, fit, lambda f0: f0, first=False)


def _log_median_of(shares: Mapping[str, float]) -> float:
    """What the median of ln F0 of a mix may be, before it has spoken."""
    known = styles()
    each = [known.log_f0[known.names.index(name)] for name in shares]
    return float(np.average(each, weights=list(shares.values())))


def _pitch(speaker: SpeakerFeatures, curve: Wave) -> Pitch:
    """From the F0 that was foreseen for the mix to the speaker's median and deviation."""
    log_f0 = np.log(curve[curve > VOICED_HERTZ])
    middle = float(np.median(log_f0))
    # Where the voice sets in the curve rises from nothing.
    deviation = float(np.std(log_f0[np.abs(log_f0 - middle) < OUTLIER]))
    wide = float(np.clip(speaker.profile.log_f0_std / max(deviation, 0.02), *RANGE))
    return Pitch(wide, _log_median(speaker.profile.f0) + LOWER - wide * middle)


def _speed(speaker: SpeakerFeatures, wave: Floats, base: Phrase, transcript: str) -> float:
    """The speaker's phonemes a second over those of the base."""
    if not transcript:
        return 1.0
    ours = np.count_nonzero(active_frames(frame_rms(wave))) / len(base.phonemes)
    theirs = np.count_nonzero(speaker.profile.kinds != SILENT) / len(transcript)
    return float(np.clip(ours / theirs, *SPEED)) if theirs else 1.0


def _alike(embedder: Embedder, samples: Floats, speaker: SpeakerFeatures) -> float:
    return float(embedder.embedding(samples.astype(np.float32), RATE) @ speaker.embedding)


def _log_median(f0: Floats) -> float:
    return float(np.log(np.median(f0[f0 > 0])))
