"""Models that could make room, kept in the order in which they go."""

from bisect import bisect_left, insort
from collections.abc import Iterator

_Place = tuple[float, int, str]


class Ranking:
    """A sorted list of names; a place costs a search in it when it changes."""

    def __init__(self) -> None:
        self._places: dict[str, _Place] = {}
        self._sorted: list[_Place] = []

    def put(self, name: str, rank: float, last_use: int) -> None:
        """Give a model its place; of equals goes first what was asked for first."""
        place = (rank, last_use, name)
        if self._places.get(name) == place:
            return
        self.drop(name)
        self._places[name] = place
        insort(self._sorted, place)

    def drop(self, name: str) -> None:
        place = self._places.pop(name, None)
        if place is not None:
            del self._sorted[bisect_left(self._sorted, place)]

    def __iter__(self) -> Iterator[str]:
        return (name for _, _, name in self._sorted)
