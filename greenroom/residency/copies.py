"""When a busy model gets a second copy, and when it gives it back.

Whether to wait or to pay for a copy is the ski-rental problem: who pays as soon as the waiting has
cost as much as a copy never pays more than twice what foresight would have paid (Karlin et al.,
"Competitive snoopy caching", 1988).
"""

from collections.abc import Mapping, Sequence
from math import exp

from greenroom.residency.replica import Cost

_REGRET_FADES = 15.0
"""Seconds in which waiting that was not enough for a copy is forgotten, to a third."""
_BUSY_OVER = 2.0
"""Seconds over which the requests in flight are averaged."""
_BUSY_ENOUGH = 0.7
"""Requests in flight, for each copy but one, below which one copy fewer answers them too."""
_USED_WITHIN = 5.0
"""Seconds since its last request for which a hot copy has other users than this router."""


class Copies:
    """The copies that the requests of one kind have, and what a further one would have spared."""

    def __init__(self) -> None:
        self._homes: list[str] = []
        self._regret = 0.0
        self._busy = 0.0
        self._at = 0.0

    def order(
        self, having: Mapping[str, Cost], others: Mapping[str, Cost], now: float
    ) -> list[tuple[str, Cost]]:
        """The replicas for a request that arrives now: its copies, then where one could be made.

        ``having`` are those at which its models are not cold, in an order that all routers share.
        """
        self._homes = [name for name in self._homes if name in having]
        if not self._homes:
            first = having or others
            self._homes = [min(first, key=lambda name: _price(first[name]))] if first else []
        everywhere = {**having, **others}
        used = {name: one for name, one in having.items() if _used(one)}
        self._count({name: everywhere[name] for name in self._homes}, used, now)
        self._agree(list(used))
        homes = {name: everywhere[name] for name in self._homes}
        elsewhere = {name: one for name, one in everywhere.items() if name not in homes}
        opened = self._opened(homes, elsewhere)
        if opened is None:
            self._close_spare(homes)
        ordered = _ranked(homes) + _ranked(elsewhere)
        if opened in elsewhere:
            ordered.sort(key=lambda one: one[0] != opened)
        return ordered

    def _count(self, homes: Mapping[str, Cost], used: Mapping[str, Cost], now: float) -> None:
        passed = max(0.0, now - self._at)
        self._at = now
        spared = min((one.avoidable for one in homes.values()), default=0.0)
        self._regret = self._regret * exp(-passed / _REGRET_FADES) + spared
        kept = exp(-passed / _BUSY_OVER)
        ahead = sum(one.ahead for one in {**homes, **used}.values())
        self._busy = self._busy * kept + ahead * (1 - kept)

    def _agree(self, used: Sequence[str]) -> None:
        """Routers that made a copy each, not knowing of one another, come to use the same one.

        Not before one's own is there: what seems hot elsewhere may have gone since the report.
        """
        if set(self._homes) <= set(used) and len(self._homes) == 1 and self._busy < _BUSY_ENOUGH:
            self._homes = [used[0]]

    def _opened(self, homes: Mapping[str, Cost], elsewhere: Mapping[str, Cost]) -> str | None:
        """A second copy drives nothing away that is in use, and one comes after the other."""
        free = {name: one for name, one in elsewhere.items() if not one.displaces}
        if not free or any(one.moving and not one.others for one in homes.values()):
            return None
        best = min(free, key=lambda name: _price(free[name]))
        price = max(free[best].seconds, free[best].again)
        now = min(one.seconds for one in homes.values())
        if max(self._regret, now) <= price:
            return None
        self._homes.append(best)
        self._regret = 0.0
        # Else what it has in flight at this moment would count as idleness of the new one.
        self._busy = max(self._busy, float(len(self._homes)))
        return best

    def _close_spare(self, homes: Mapping[str, Cost]) -> None:
        """No more requests go there, and its own idle clock takes it away."""
        spare = len(self._homes) - 1
        if spare and self._busy < _BUSY_ENOUGH * spare:
            costliest = max(self._homes, key=lambda name: homes[name].moving + homes[name].others)
            self._homes.remove(costliest)


def _used(one: Cost) -> bool:
    return not (one.moving or one.others) and one.idle < _USED_WITHIN


def _price(one: Cost) -> tuple[float, int]:
    """Of two that cost the same the one with fewer models: they will want the memory."""
    return one.seconds, one.beside


def _ranked(costs: Mapping[str, Cost]) -> list[tuple[str, Cost]]:
    return sorted(costs.items(), key=lambda item: _price(item[1]))
