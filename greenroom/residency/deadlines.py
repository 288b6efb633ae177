"""When the stage must be asked again although nothing happens."""

from collections.abc import Iterator, Mapping

from greenroom.residency.budget import Budget
from greenroom.residency.idle import idle_action
from greenroom.residency.model import Model
from greenroom.residency.wait_queue import Waiting


def due_times(
    models: Mapping[str, Model], waiting: Waiting, budget: Budget, patience: float
) -> Iterator[float]:
    """Yield the moments, also past ones, at which time alone changes what should happen."""
    yield from (ticket.deadline for ticket in waiting)
    for entry in models.values():
        yield entry.retry_at
        if (idle := idle_action(entry)) is not None:
            yield idle[0]
    if budget.awaited:
        yield from _for_memory(models, waiting, budget, patience)


def _for_memory(
    models: Mapping[str, Model], waiting: Waiting, budget: Budget, patience: float
) -> Iterator[float]:
    if (look := budget.look_at) is not None:
        yield look
    yield from (ticket.asked_at + patience for ticket in waiting)
    for entry in models.values():
        for verb in entry.verbs[:1]:
            yield from (verb.asked_at + patience, verb.deadline)
