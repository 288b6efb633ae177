"""Answers how many requests it has run, when the file $GREENROOM_TEST_GATE exists."""

import os
import time
from pathlib import Path

import numpy as np

from greenroom.managed.engine import HostEngine


class WaitingEngine(HostEngine):
    name = "waiting"
    _run = 0

    def answer(self, request):
        self._run += 1
        while not Path(os.environ["GREENROOM_TEST_GATE"]).exists():
            time.sleep(0.005)
        return {"RUN": np.array([self._run], np.int32)}
