"""The voices whose mix comes nearest to a speaker."""

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from greenroom_speech.engines.kokoro.embedder import Embedding
from greenroom_speech.engines.kokoro.styles import styles

MOST = 5


def mix_of(embedding: Embedding) -> dict[str, float]:
    """At most five voices with shares that sum to 1: non-negative least squares."""
    known = styles()
    kept = np.argsort(_weights(np.arange(len(known.names)), embedding))[-MOST:]
    weights = _weights(kept, embedding)
    if not weights.any():
        kept, weights = np.array([np.argmax(known.embeddings @ embedding)]), np.ones(1)
    shares = weights / weights.sum()
    return {
        known.names[voice]: float(share)
        for voice, share in zip(kept, shares, strict=True)
        if share > 0
    }


def _weights(voices: npt.NDArray[np.intp], embedding: Embedding) -> npt.NDArray[np.float64]:
    found: npt.NDArray[np.float64]
    found, _ = nnls(styles().embeddings[voices].T.astype(float), embedding.astype(float))
    return found
