"""Who wants models hot, in the order in which memory is given to them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from greenroom.errors import GreenroomError
from greenroom.residency.effects import HEAL, REQUEST
from greenroom.residency.model import ManualAction, Model, Ticket
from greenroom.residency.model_index import ModelIndex
from greenroom.residency.states import Residency
from greenroom.residency.wait_queue import WaitQueue


@dataclass(slots=True)
class Claim:
    """Models that somebody wants hot together: a request, a manual action, a pinned model.

    ``order`` and ``asked_at`` are those of the oldest who wants just these; pinned models come
    before everyone and have always waited long enough, what heals unasked comes after everyone.
    """

    model: str
    needs: tuple[str, ...]
    order: float = 0
    asked_at: float = -math.inf
    asker: Ticket | ManualAction | None = None

    def reason(self, entry: Model) -> str:
        if entry.failure.comes_back:
            return HEAL
        if isinstance(self.asker, Ticket):
            return REQUEST
        if entry.name != self.model:
            return "ensemble"
        return "manual" if isinstance(self.asker, ManualAction) else "pinned"


@dataclass(frozen=True)
class Denied:
    """A claim that will not be fulfilled, and why."""

    claim: Claim
    error: GreenroomError


def claims(index: ModelIndex, waiting: WaitQueue) -> list[Claim]:
    """All, in order; requests that need the same models count as one."""
    if not (waiting or index.missing or index.with_actions or index.coming_back):
        return []
    return sorted(
        (*_pinned(index), *_by_hand(index), *_requests(waiting), *_healing(index)),
        key=lambda claim: claim.order,
    )


def _pinned(index: ModelIndex) -> Iterator[Claim]:
    for entry in index.ordered(index.missing):
        yield Claim(entry.name, (*entry.steps, entry.name))


def _by_hand(index: ModelIndex) -> Iterator[Claim]:
    for entry in index.ordered(index.with_actions):
        manual = entry.demand.manual_actions[0]
        if manual.target is Residency.HOT:
            needs = (*entry.steps, entry.name)
            yield Claim(entry.name, needs, manual.order, manual.asked_at, manual)


def _requests(waiting: WaitQueue) -> Iterator[Claim]:
    for ticket in waiting.firsts():
        yield Claim(ticket.model, ticket.needs, ticket.order, ticket.asked_at, ticket)


def _healing(index: ModelIndex) -> Iterator[Claim]:
    for entry in index.ordered(index.coming_back - index.broken):
        yield Claim(entry.name, (entry.name,), order=math.inf)
