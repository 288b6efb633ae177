"""The requests that have asked and have no lease yet, in the order in which they asked."""

from collections.abc import Iterator

from greenroom.residency.model import Model, Ticket


class Waiting:
    """Holds the waiting tickets and keeps the models' counters equal to what it holds."""

    def __init__(self, models: dict[str, Model]) -> None:
        self._models = models
        self._tickets: dict[int, Ticket] = {}

    def __iter__(self) -> Iterator[Ticket]:
        """Iterate over a copy: what is found may be removed meanwhile."""
        return iter(list(self._tickets.values()))

    def add(self, ticket: Ticket) -> None:
        """Let a ticket wait."""
        self._tickets[ticket.order] = ticket
        for name in ticket.needs:
            self._models[name].waiting += 1

    def remove(self, ticket: Ticket) -> None:
        """Free a ticket's place; one that does not wait any more is left as it is."""
        if self._tickets.pop(ticket.order, None) is not None:
            for name in ticket.needs:
                self._models[name].waiting -= 1

    def needing(self, model: str) -> Iterator[Ticket]:
        """Yield the tickets that need a model."""
        return (ticket for ticket in self if model in ticket.needs)

    def late(self, now: float) -> Iterator[Ticket]:
        """Yield the tickets whose deadline is over."""
        return (ticket for ticket in self if now >= ticket.deadline)
