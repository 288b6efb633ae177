"""One alarm that rings when the next thing is due."""

from collections.abc import Callable

from greenroom.controller.clock import Clock, Timer


class Alarm:
    """Rings once, not later than the earliest time it was set to.

    An alarm that rings too early only costs a look, so it is never moved later.
    """

    def __init__(self, clock: Clock, ring: Callable[[], None]) -> None:
        self._clock = clock
        self._ring = ring
        self._timer: Timer | None = None
        self._due = 0.0

    def set(self, due: float | None) -> None:
        """Ring at `due` at the latest; None changes nothing."""
        if due is None or (self._timer and self._due <= due):
            return
        self.cancel()
        self._due = due
        self._timer = self._clock.call_at(due, self._rings)

    def cancel(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _rings(self) -> None:
        self._timer = None
        self._ring()
