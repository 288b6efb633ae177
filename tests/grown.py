"""How much memory some processes and their descendants have taken, at the most."""

import contextlib
import threading
from collections.abc import Iterator, Sequence

import psutil

_EVERY = 0.005
"""Seconds; looking without a pause would take a processor from those that are looked at."""


class Grown:
    """Looks at the memory of processes again and again while inside.

    What several share is counted once (PSS), so a fork alone costs nothing.
    """

    def __init__(self, roots: Sequence[int], every: float = _EVERY) -> None:
        """`every` in seconds; a look takes milliseconds, of those that are looked at too."""
        self._every = every
        self._roots = [psutil.Process(pid) for pid in roots]
        self._ended = threading.Event()
        self._watch = threading.Thread(target=self._look)
        self._before = self._peak = 0

    @property
    def bytes(self) -> int:
        """The most that was taken beyond what they had before."""
        return self._peak - self._before

    def __enter__(self) -> "Grown":
        self._before = self._now()
        self._watch.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._ended.set()
        self._watch.join()

    def _look(self) -> None:
        while not self._ended.wait(self._every):
            self._peak = max(self._peak, self._now())

    def _now(self) -> int:
        return sum(_bytes(process) for process in self._family())

    def _family(self) -> Iterator[psutil.Process]:
        for root in self._roots:
            yield root
            with contextlib.suppress(psutil.Error):
                yield from root.children(recursive=True)


def _bytes(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        pss: int = process.memory_full_info().pss
        return pss
    return 0
