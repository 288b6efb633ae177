"""The smallest engine: it has no weights and needs nothing but numpy."""

import numpy as np

from greenroom.managed.engine import HostEngine, Tensors


class CounterEngine(HostEngine):
    """Counts the words of ``TEXT``."""

    name = "counter"

    def answer(self, request: Tensors) -> Tensors:
        """Return ``WORDS``, INT32 [1]."""
        words = str(request["TEXT"][0]).split()
        return {"WORDS": np.array([len(words)], np.int32)}
