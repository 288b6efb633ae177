"""Harnesses in which models have sizes, under a configured budget or on a card."""

from stage_harness import StageHarness, model

from greenroom.residency.budget import Budget, MemoryReading
from greenroom.residency.states import Residency

MIB = 2**20
_ON_THE_GPU = frozenset(Residency) - {Residency.COLD, Residency.WARM}


def sized(name, device, overhead=0, **given):
    """Return a model that was measured before, with its sizes in MiB."""
    made = model(name, **given)
    made.memory.measured = (device + overhead) * MIB
    made.sizes = device * MIB, overhead * MIB
    return made


class MemoryHarness(StageHarness):
    """A stage under a budget of so many MiB, or on a card; what is there has reported."""

    def __init__(self, *models, budget=0, reserve=0, card=None, up=True, **given):
        self.card = card
        self.others = 0
        self.readings = 0
        bounds = Budget(budget * MIB, reserve * MIB, card is not None)
        super().__init__(*models, budget=bounds, up=False, **given)
        self.sizes = {entry.name: entry.sizes for entry in models if hasattr(entry, "sizes")}
        if up:
            self.stage.server_back({entry.name: entry.residency for entry in models}, self.now)
            for entry in models:
                self.report(entry.name)
            self.decide()

    def measure(self):
        """Read the card."""
        self.readings += 1
        self.stage.budget.measured(MemoryReading(self.card * MIB, self.used_bytes, self.now))
        self.decide()

    @property
    def used_bytes(self):
        """What others use, and what the models hold or will when they have come."""
        used = self.others * MIB
        for name, (device, overhead) in self.sizes.items():
            if self.residency(name) is not Residency.COLD:
                used += overhead
            if self.residency(name) in _ON_THE_GPU:
                used += device
        return used

    @property
    def promised(self):
        """MiB that models hold or have been promised."""
        budget = self.stage.budget
        return (budget.bound - budget.free) / MIB

    def finish_all(self):
        while self.running:
            self.finish(next(iter(self.running)))
