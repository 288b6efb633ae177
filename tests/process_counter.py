"""Counts the processes of each of Triton's models all the time, in a thread of its own."""

import threading
from collections import Counter

from greenroom.triton.backend_processes import backend_processes

INTERVAL = 0.02


class ProcessCounter:
    """`most` has the largest number of processes that each model ever had at one time."""

    def __init__(self, triton, names):
        self._prefix = triton.prefix
        self._names = names
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._count)
        self.most = Counter()

    def _count(self):
        while not self._stop.wait(INTERVAL):
            for name in self._names:
                found = len(backend_processes(name, self._prefix))
                self.most[name] = max(self.most[name], found)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *raised):
        self._stop.set()
        self._thread.join()
