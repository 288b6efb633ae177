"""Each piece has its number and SIZE bytes, lasts SECONDS and takes WORK seconds to make."""

import time

import numpy as np

from greenroom.managed.engine import HostEngine
from greenroom.managed.stepped_engine import Piece, Row


class Pour(Row):
    def __init__(self, request):
        def asked(name, default):
            return request[name][0].item() if name in request else default

        self._count, self._size = asked("COUNT", 1), asked("SIZE", 0)
        self._seconds, self.work = asked("SECONDS", 0.0), asked("WORK", 0.0)
        self._made = self._taken = 0

    def make(self):
        time.sleep(self.work)
        self._made += 1
        self.done = self._made == self._count

    @property
    def ready(self):
        return self._taken < self._made

    def take(self, whole):
        self._taken = self._made if whole else self._taken + 1
        fill = np.full(self._size, 255, np.uint8)
        return Piece({"PIECE": np.array([self._taken], np.int32), "FILL": fill}, self._seconds)


class PourEngine(HostEngine):
    name = "pour"

    def begin(self, request, whole):
        return Pour(request)

    def step(self, rows):
        for row in rows:
            row.make()

    def end(self, row):
        pass
