"""What is to happen, by its time: the clock of a simulation."""

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

_Call = Callable[[Any, float], None]


class Timeline:
    """Calls back in the order of time; what is due at one moment, in the order of asking."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, _Call, Any]] = []
        self._count = 0
        self.now = 0.0

    def at(self, when: float, call: _Call, what: Any) -> None:
        """Calls ``call(what, when)`` at that time."""
        self._count += 1
        heappush(self._due, (when, self._count, call, what))

    def run_until(self, when: float) -> None:
        """Let all happen that is due up to then."""
        due = self._due
        while due and due[0][0] <= when:
            self.now, _, call, what = heappop(due)
            call(what, self.now)

    def step(self) -> bool:
        """Let the next thing happen; false if there is none."""
        if not self._due:
            return False
        self.now, _, call, what = heappop(self._due)
        call(what, self.now)
        return True
