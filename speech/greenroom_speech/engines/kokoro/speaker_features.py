"""A speaker as the tensors between tokenizer and tts: the embedded engine's, and whose voice it is.

``SPEAKER_EMBEDDING`` has the 124 values of ``embedded.voice_profile``, then the 256 of
``embedder``; the other tensors are the embedded engine's.
"""

from dataclasses import dataclass

import numpy as np

from greenroom.errors import InvalidInput
from greenroom.managed.engine import Tensors
from greenroom_speech.engines.embedded.voice_profile import EMBEDDING, VoiceProfile, profile_of
from greenroom_speech.engines.kokoro.embedder import SIZE, Embedding


@dataclass(frozen=True)
class SpeakerFeatures:
    """What is known of a speaker from one recording."""

    profile: VoiceProfile
    embedding: Embedding

    def tensors(self) -> Tensors:
        """In the layout above."""
        features = self.profile.tensors()
        speaker = np.concatenate([features["SPEAKER_EMBEDDING"], self.embedding])
        return {**features, "SPEAKER_EMBEDDING": speaker}


def speaker_of(tensors: Tensors) -> SpeakerFeatures:
    """The reverse; InvalidInput when they are not of this layout."""
    whole = tensors["SPEAKER_EMBEDDING"]
    if whole.shape != (EMBEDDING + SIZE,):
        raise InvalidInput(
            f"SPEAKER_EMBEDDING has shape {whole.shape}; the engine kokoro's own tokenizer gives "
            f"({EMBEDDING + SIZE},), so take all three prompt tensors from one answer of it."
        )
    profile = profile_of(embedded_features(tensors))
    embedding = whole[EMBEDDING:].astype(np.float32)
    if not np.isfinite(embedding).all():
        raise InvalidInput("SPEAKER_EMBEDDING must hold finite numbers only.")
    return SpeakerFeatures(profile, embedding)


def embedded_features(tensors: Tensors) -> Tensors:
    """As the embedded engine takes them."""
    return {**tensors, "SPEAKER_EMBEDDING": tensors["SPEAKER_EMBEDDING"][:EMBEDDING]}
