"""Who wants models hot, in the order in which memory is given to them."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from greenroom.errors import GreenroomError
from greenroom.residency.effects import HEAL, REQUEST
from greenroom.residency.model import Model, Ticket, Verb
from greenroom.residency.states import Residency
from greenroom.residency.wait_queue import Waiting


@dataclass(frozen=True)
class Claim:
    """Models that somebody wants hot together: a request, a manual action, a pinned model.

    ``order`` and ``asked_at`` are those of the oldest who wants just these; pinned models come
    before everyone and have always waited long enough, what heals unasked comes after everyone.
    """

    model: str
    needs: tuple[str, ...]
    order: float = 0
    asked_at: float = -math.inf
    asker: Ticket | Verb | None = None

    def reason(self, entry: Model) -> str:
        """Return why a model of this claim comes."""
        if entry.comes_back:
            return HEAL
        if isinstance(self.asker, Ticket):
            return REQUEST
        if entry.name != self.model:
            return "ensemble"
        return "manual" if isinstance(self.asker, Verb) else "pinned"


@dataclass(frozen=True)
class Denied:
    """A claim that will not be fulfilled, and why."""

    claim: Claim
    error: GreenroomError


def claims(models: Mapping[str, Model], waiting: Waiting) -> list[Claim]:
    """Return all claims, in order; requests that need the same models count as one."""
    return sorted(
        (*_pinned(models), *_by_hand(models), *_requests(waiting), *_healing(models)),
        key=lambda claim: claim.order,
    )


def _pinned(models: Mapping[str, Model]) -> Iterator[Claim]:
    for entry in models.values():
        if entry.policy.pinned and not entry.by_hand and entry.residency is not Residency.HOT:
            yield Claim(entry.name, (*entry.steps, entry.name))


def _by_hand(models: Mapping[str, Model]) -> Iterator[Claim]:
    for entry in models.values():
        verb = entry.verbs[0] if entry.verbs else None
        if verb is not None and verb.target is Residency.HOT:
            needs = (*entry.steps, entry.name)
            yield Claim(entry.name, needs, verb.order, verb.asked_at, verb)


def _requests(waiting: Waiting) -> Iterator[Claim]:
    seen = set()
    for ticket in waiting:
        if ticket.needs not in seen:
            seen.add(ticket.needs)
            yield Claim(ticket.model, ticket.needs, ticket.order, ticket.asked_at, ticket)


def _healing(models: Mapping[str, Model]) -> Iterator[Claim]:
    for entry in models.values():
        if entry.comes_back and not entry.broken:
            yield Claim(entry.name, (entry.name,), order=math.inf)
