"""What one model takes of the GPU's memory: measured, and before that estimated."""

from dataclasses import dataclass

from greenroom.residency.control import Report
from greenroom.residency.states import Residency

_RAISE = 4
"""A lack of memory raises the need by one in so many parts."""


@dataclass
class Footprint:
    """Bytes on the GPU of one model: now, and when it is hot.

    ``device`` are its weights there now, by its last report or, until that comes, as expected;
    ``overhead`` is what its process holds beyond them, also while the model is warm.
    """

    estimate: int = 0
    """What a hot model is expected to hold before its first measurement."""
    measured: int | None = None
    """What it held when it was hot last, weights and overhead."""
    raised: int = 0
    """What is added since the measured bytes have turned out to be too few."""
    device: int = 0
    overhead: int = 0
    told: bool = False
    """Whether the process that is there has said what it holds."""
    gives_way_to: float | None = None
    """The order of a request that has waited too long for this model's memory."""
    awaits_memory: bool = False
    """Whether somebody wants it hot and there is no room."""
    _first_report: bool = True

    @property
    def hot(self) -> int:
        """What the model holds when it is hot, as far as is known."""
        return self.estimate if self.measured is None else self.measured

    @property
    def held(self) -> int:
        return self.device + self.overhead

    def reported(self, report: Report) -> None:
        """Take what a model says of itself.

        Its first report as hot is the measurement, a later one can only raise it: what a
        request has made a process hold, the next one needs again.
        """
        self.device, self.overhead = report.device_bytes, report.device_overhead_bytes
        self.told = True
        if report.residency != Residency.HOT:
            return
        known = 0 if self._first_report else self.hot
        self.measured = max(self.held, known)
        self._first_report = False

    def expect(self, residency: Residency) -> None:
        """It has reached a state and has not said yet what it holds there."""
        match residency:
            case Residency.HOT:
                self.device, self.raised = max(0, self.hot - self.overhead), 0
            case Residency.WARM:
                self.device = 0
            case Residency.COLD:
                self.device = self.overhead = 0
                self.told, self._first_report = False, True

    def lacked_memory(self) -> None:
        """It ran out of memory although its need was free: it needs more than was measured."""
        self.raised = self.hot // _RAISE
