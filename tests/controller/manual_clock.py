"""A clock that stands still until the test moves it."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(eq=False)
class ManualTimer:
    when: float
    callback: Callable[[], None]
    cancelled: bool = False

    def cancel(self):
        self.cancelled = True


class ManualClock:
    def __init__(self):
        self._now = 1000.0
        self.timers: list[ManualTimer] = []

    def now(self):
        return self._now

    def call_at(self, when, callback):
        timer = ManualTimer(when, callback)
        self.timers.append(timer)
        return timer

    def advance(self, seconds):
        """Move on, and let what is due on the way happen in its order and at its time."""
        end = self._now + seconds
        while due := [t for t in self.timers if not t.cancelled and t.when <= end]:
            timer = min(due, key=lambda one: one.when)
            self.timers.remove(timer)
            self._now = max(self._now, timer.when)
            timer.callback()
        self._now = end
