"""The requests that have asked and have no lease yet, in the order in which they asked."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from greenroom.residency.deadlines import Deadlines
from greenroom.residency.model import Ticket
from greenroom.residency.model_index import ModelIndex

Needs = tuple[str, ...]


class WaitQueue:
    """Holds the waiting tickets and keeps the models' counters equal to what it holds.

    Tickets that need the same models are one line: what its first one may not have, none of
    the others may. So whoever decides looks at the first of each line.
    """

    def __init__(self, index: ModelIndex) -> None:
        self._index = index
        self._lines: dict[Needs, dict[int, Ticket]] = {}
        self._lines_of: dict[str, dict[Needs, None]] = {}
        self._tickets: dict[int, Ticket] = {}
        self._deadlines: Deadlines[int] = Deadlines()
        self._of_keys: Counter[tuple[str, str]] = Counter()

    def __bool__(self) -> bool:
        return bool(self._tickets)

    def add(self, ticket: Ticket) -> None:
        line = self._lines.get(ticket.needs)
        if line is None:
            line = self._lines[ticket.needs] = {}
            for name in ticket.needs:
                self._lines_of.setdefault(name, {})[ticket.needs] = None
        last = next(reversed(line), 0)
        line[ticket.order] = self._tickets[ticket.order] = ticket
        if ticket.order < last:  # it is sent again, and has its place of before
            self._lines[ticket.needs] = dict(sorted(line.items()))
        self._deadlines.set(ticket.order, ticket.deadline)
        for name in ticket.needs:
            self._index.models[name].demand.waiting += 1
            self._of_keys[name, ticket.key] += 1
            self._index.used(name)

    def remove(self, ticket: Ticket) -> None:
        """Free a ticket's place; one that does not wait any more is left as it is."""
        if self._tickets.pop(ticket.order, None) is None:
            return
        self._deadlines.set(ticket.order, None)
        line = self._lines[ticket.needs]
        del line[ticket.order]
        if not line:
            del self._lines[ticket.needs]
            for name in ticket.needs:
                del self._lines_of[name][ticket.needs]
        for name in ticket.needs:
            self._index.models[name].demand.waiting -= 1
            self._of_keys[name, ticket.key] -= 1
            self._index.used(name)

    def of_key(self, model: str, key: str) -> int:
        """How many of an API key's tickets need a model."""
        return self._of_keys[model, key]

    def lines(self, models: Collection[str] | None = None) -> list[Iterator[Ticket]]:
        """Those that need any of the models, or all; each from its first ticket on.

        Nothing may be removed meanwhile.
        """
        needs: Iterable[Needs] = self._lines
        if needs and models is not None:
            needs = dict.fromkeys(n for name in models for n in self._lines_of.get(name, ()))
        return [iter(self._lines[one].values()) for one in needs]

    def firsts(self) -> list[Ticket]:
        return [next(line) for line in self.lines()]

    def awaited(self, models: Iterable[str]) -> bool:
        """Somebody waits for one of the models."""
        return any(self._lines_of.get(name) for name in models)

    def alike(self, needs: Needs) -> list[Ticket]:
        """Those who wait for just these models."""
        return list(self._lines.get(needs, {}).values())

    def needing(self, model: str) -> list[Ticket]:
        """Those who need a model, whatever else they need."""
        lines = (self._lines[needs].values() for needs in self._lines_of.get(model, ()))
        return sorted((ticket for line in lines for ticket in line), key=_order)

    def first_needing(self, model: str) -> int | None:
        """Its order, None if nobody needs the model."""
        lines = (self._lines[needs] for needs in self._lines_of.get(model, ()))
        return min((next(iter(line)) for line in lines), default=None)

    def late(self, now: float) -> list[Ticket]:
        """Those whose deadline is over."""
        due = self._deadlines.due(now)
        return [self._tickets[order] for order in sorted(due)] if due else []

    def next_deadline(self, now: float) -> float | None:
        """The next one after `now`."""
        return self._deadlines.next(now)


def _order(ticket: Ticket) -> int:
    return ticket.order
