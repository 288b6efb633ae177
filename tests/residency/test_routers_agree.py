"""Each proxy has a router for HTTP and one for gRPC: none knows what the others choose."""

import pytest
from test_placement import GIB, ONE_FITS, at, best

from greenroom.residency.placement import Placement
from greenroom.residency.replica import ReplicaReport

ROUTERS = 6
NAMES = [f"r{number}" for number in range(4)]


class Fleet:
    """Routers that hear the same reports, of replicas at which each answer is quick."""

    def __init__(self) -> None:
        self.routers = [Placement() for _ in range(ROUTERS)]
        self.used: dict[str, dict[str, float]] = {name: {} for name in NAMES}
        self.now = 0.0
        self.report()

    def report(self) -> None:
        """In another order to each router."""
        for turn, router in enumerate(self.routers):
            for name in NAMES[turn:] + NAMES[:turn]:
                models = {m: at("hot", idle=self.now - then) for m, then in self.used[name].items()}
                free = 3 * GIB - sum(standing.held_bytes for standing in models.values())
                router.reported(name, ReplicaReport(models, free), ONE_FITS, at=self.now)

    def ask(self, router: Placement, model: str) -> str:
        where = best(router, model, self.now)
        self.used[where][model] = self.now
        return where

    def asked(self, seconds: int, model: str = "red") -> set[str]:
        """Each router once a second; returns where in the last second."""
        found: set[str] = set()
        for _ in range(seconds):
            found = set()
            for router in self.routers:
                found.add(self.ask(router, model))
                self.now += 1 / ROUTERS
            self.report()
        return found


@pytest.mark.parametrize("model", ONE_FITS)
def test_a_burst_at_a_cold_model_makes_one_copy(model: str) -> None:
    fleet = Fleet()
    assert len({fleet.ask(router, model) for router in fleet.routers}) == 1


def test_other_models_go_elsewhere() -> None:
    fleet = Fleet()
    models = [f"model{number}" for number in range(16)]
    taken = [fleet.ask(Fleet().routers[0], model) for model in models]
    assert set(taken) == set(NAMES)


def test_copies_that_several_routers_made_are_given_back() -> None:
    fleet = Fleet()
    for router, name in zip(fleet.routers, NAMES * 2, strict=False):
        router.send(name, ["red"], fleet.now).answered = True
        fleet.used[name]["red"] = fleet.now
    fleet.now += 2
    fleet.report()
    assert len(fleet.asked(10)) == 1


def test_a_copy_that_one_router_gave_back_is_not_taken_up_by_another() -> None:
    fleet = Fleet()
    [home] = fleet.asked(10)
    for name in NAMES:  # hot, but nobody has asked there for a while
        fleet.used[name].setdefault("red", fleet.now - 30)
    fleet.report()
    assert fleet.asked(10) == {home}


def test_a_copy_that_is_coming_is_not_left_for_one_that_may_have_gone() -> None:
    placement = Fleet().routers[0]
    for name in NAMES:
        placement.reported(name, ReplicaReport({"red": at("hot")}, GIB), ONE_FITS, at=0)
    home = best(placement, "red", 1)
    placement.reported(home, ReplicaReport({}, GIB), ONE_FITS, at=1.5)  # unloaded in between
    assert best(placement, "red", 2) == home
