"""One phrase said by the network, with the silence around it cut away."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from greenroom_speech.engines.embedded.loudness import FRAME, active_frames, frame_rms
from greenroom_speech.engines.embedded.world import Floats
from greenroom_speech.engines.kokoro.network import AS_FORESEEN, Kokoro, Pitch, Wave
from greenroom_speech.engines.kokoro.phrases import Phrase
from greenroom_speech.engines.kokoro.styles import styles

EDGE_FRAMES = 4


@dataclass(frozen=True)
class Delivery:
    """How phrases are said."""

    shares: Mapping[str, float]
    """Of the voices whose mix speaks."""
    pitch: Pitch = AS_FORESEEN
    speed: float = 1.0


def say(network: Kokoro, phrase: Phrase, delivery: Delivery) -> tuple[Floats, Wave]:
    """The sound at 24 kHz, and the F0 in Hz that was foreseen before it was moved."""
    ids = phrase.ids
    style = styles().style(delivery.shares, len(ids))
    wave, curve = network.say(ids, style, delivery.speed, delivery.pitch)
    return trimmed(wave.astype(np.float64)), curve


def trimmed(samples: Floats) -> Floats:
    """Without the silence at both ends."""
    active = np.flatnonzero(active_frames(frame_rms(samples)))
    if not active.size:
        return np.zeros(0)
    low, high = active[0] - EDGE_FRAMES, active[-1] + EDGE_FRAMES
    return samples[max(low * FRAME, 0) : high * FRAME]
