"""Another engine of the example counter: it counts letters."""

import numpy as np

from greenroom.managed.engine import HostEngine


class LettersEngine(HostEngine):
    name = "letters"

    def answer(self, request):
        return {"WORDS": np.array([len(request["TEXT"][0])], np.int32)}
