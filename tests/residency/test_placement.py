"""Where a request is sent, as sentences; replicas are written `name(model=state, ...)`."""

import time
from collections.abc import Mapping
from statistics import median

import pytest

from greenroom.residency.placement import Placement
from greenroom.residency.replica import MeasuredCosts, ReplicaReport, Standing
from greenroom.residency.states import Residency

GIB = 2**30
ONE_FITS = {name: MeasuredCosts(2.0, 0.5, 0.02, GIB) for name in ("red", "green", "blue")}
"""Seconds of a load, a restore and a request; bytes."""


def at(
    residency: str, in_flight: int = 0, idle: float = 0.0, *, held: int | None = None
) -> Standing:
    there = GIB if residency in ("hot", "loading", "restoring") else 0
    return Standing(Residency(residency), in_flight, there if held is None else held, idle)


def fleet(
    replicas: Mapping[str, Mapping[str, Standing]], measured: Mapping[str, MeasuredCosts] = ONE_FITS
) -> Placement:
    """Each has memory for one model."""
    placement = Placement()
    for name, models in replicas.items():
        tell(placement, name, models, measured)
    return placement


def tell(
    placement: Placement,
    name: str,
    models: Mapping[str, Standing],
    measured: Mapping[str, MeasuredCosts] = ONE_FITS,
    room: int = GIB,
) -> None:
    free = room - sum(standing.held_bytes for standing in models.values())
    placement.reported(name, ReplicaReport(models, max(0, free)), measured)


def best(placement: Placement, model: str = "red", now: float = 0.0) -> str:
    chosen = placement.rank([model], now)[0].replica
    placement.send(chosen, [model], now)
    return chosen


WARM_BESIDE_IDLE = {"red": at("warm"), "green": at("hot", idle=10)}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param({"red": at("hot")}, {"red": at("warm")}, id="hot before warm"),
        pytest.param({"red": at("warm")}, {}, id="warm before cold that fits"),
        pytest.param({}, {"green": at("hot", idle=5)}, id="cold that fits before one that evicts"),
        pytest.param({"red": at("restoring")}, {"red": at("warm")}, id="coming before warm"),
        pytest.param(
            {"green": at("hot", idle=50)}, {"green": at("hot", idle=5)}, id="who is longest still"
        ),
        pytest.param(
            {"green": at("hot", idle=5)}, {"green": at("hot", 3)}, id="idle before busy victims"
        ),
        pytest.param({"red": at("warm")}, {"red": at("hot", 60)}, id="idle warm before busy hot"),
        pytest.param({"red": at("hot", 20)}, {"red": at("warm")}, id="hot whose queue is short"),
        pytest.param({"red": at("hot", 1)}, {"red": at("hot", 2)}, id="the shorter queue"),
        pytest.param({"red": at("warm")}, WARM_BESIDE_IDLE, id="warm with room before without"),
        pytest.param({}, {"green": at("warm")}, id="of two alike the one with fewer models"),
    ],
)
def test_it_prefers(one: Mapping[str, Standing], other: Mapping[str, Standing]) -> None:
    assert best(fleet({"other": other, "one": one})) == "one"
    assert best(fleet({"one": one, "other": other})) == "one"


def test_a_fleet_of_nobody_has_no_place() -> None:
    assert Placement().rank(["red"], 0) == []


def test_models_that_come_one_after_the_other_are_spread_before_anything_is_told() -> None:
    placement = fleet({"a": {}, "b": {}, "c": {}}, measured={})
    assert {best(placement, model) for model in ONE_FITS} == {"a", "b", "c"}


def test_a_request_follows_one_that_was_sent_just_now() -> None:
    placement = fleet({"a": {}, "b": {}})
    first = best(placement)
    assert best(placement, now=0.1) == first


def test_a_choice_holds_as_long_as_the_replica_tells_nothing() -> None:
    placement = fleet({"a": {}, "b": {}})
    first = best(placement)
    assert best(placement, now=20) == first


def test_a_choice_holds_until_a_report_that_was_made_after_it() -> None:
    placement = fleet({"a": {}, "b": {}})
    first = best(placement, now=10)
    for made in (9, 9.5, 10, 10.5):
        placement.reported(first, ReplicaReport({}, GIB), ONE_FITS, at=made)
    assert placement.having("red") == [first]
    assert best(placement, now=11) == first


def test_a_choice_holds_until_it_is_answered() -> None:
    placement = fleet({"a": {}, "b": {}})
    sent = placement.send("b", ["red"], 10)
    sent.answered = False
    placement.reported("b", ReplicaReport({}, GIB), ONE_FITS, at=15)
    assert placement.rank(["red"], 15)[0].replica == "b"
    assert placement.rank(["red"], 15)[0].cost.queue == 0  # the report would tell of it


def test_a_choice_ends_when_two_newer_reports_say_otherwise() -> None:
    placement = fleet({"a": {"red": at("warm")}, "b": {"red": at("warm")}})
    placement.send("a", ["red"], 0)
    assert best(placement) == "a"
    tell(placement, "a", {})
    tell(placement, "a", {})
    assert best(placement) == "b"


def test_a_request_that_was_refused_makes_no_copy() -> None:
    loads_like_a_restore = {"red": MeasuredCosts(0.5)}
    placement = fleet({"a": {}, "b": {}}, measured=loads_like_a_restore)
    placement.rank(["red"], 0)
    placement.send("a", ["red"], 0).answered = True
    placement.reported("a", ReplicaReport({}), {}, at=2)
    placement.reported("b", ReplicaReport({"red": at("hot")}), {}, at=2)
    assert placement.having("red") == ["b"]
    assert placement.rank(["red"], 3)[0].replica == "b"


def test_a_request_whose_end_nobody_tells_is_forgotten() -> None:
    """Its client left before it was routed."""
    placement = fleet({"a": {}, "b": {}})
    placement.send("b", ["red"], 10).answered = False
    placement.reported("b", ReplicaReport({}, GIB), ONE_FITS, at=39)
    assert placement.having("red") == ["b"]
    placement.reported("b", ReplicaReport({}, GIB), ONE_FITS, at=41)
    assert placement.having("red") == []


def test_requests_one_after_the_other_do_not_look_like_a_queue() -> None:
    placement = fleet({"a": {"red": at("hot")}, "b": {}})
    for number in range(200):
        placement.rank(["red"], number / 100)
        placement.send("a", ["red"], number / 100).answered = True
    assert placement.rank(["red"], 2)[0].replica == "a"
    assert placement.rank(["red"], 2)[0].cost.queue == 0


def test_what_a_choice_drives_away_is_not_counted_on() -> None:
    placement = fleet({"a": {"green": at("hot", idle=1)}, "b": {"green": at("warm")}})
    placement.send("a", ["red"], 0)
    assert best(placement, "green") == "b"


def test_an_ensemble_goes_where_all_its_steps_cost_least() -> None:
    placement = fleet({"a": {"red": at("hot")}, "b": {"red": at("hot"), "green": at("warm")}})
    assert placement.rank(["red", "green"], 0)[0].replica == "b"


def test_a_replica_that_left_is_not_chosen() -> None:
    placement = fleet({"a": {"red": at("hot")}, "b": {}})
    placement.send("a", ["red"], 0)
    placement.left("a")
    assert best(placement) == "b"


def test_a_pinned_model_is_not_driven_away() -> None:
    pinned = Standing(Residency.HOT, 0, GIB, 50, stays=True)
    placement = fleet({"a": {"green": pinned, "blue": at("hot", 5)}, "b": {"green": at("hot", 5)}})
    chosen = {one.replica: one for one in placement.rank(["red"], 0)}
    assert chosen["a"].cost.others == pytest.approx(5 * 0.02 + 0.5)


# -- second copies --------------------------------------------------------------------------


class Hour:
    """A fleet under load: what is sent runs for a while, replicas tell of it every 0.5 s."""

    def __init__(self, replicas: int, request: float = 0.02, room: int = 1) -> None:
        self.measured = {name: MeasuredCosts(2.0, 0.5, request, GIB) for name in ONE_FITS}
        self.names = [f"r{number}" for number in range(replicas)]
        self.standing: dict[str, dict[str, Standing]] = {name: {} for name in self.names}
        self.placement = Placement()
        self.room = room * GIB
        self.now = 0.0
        self.report({})

    def report(self, queues: Mapping[tuple[str, str], int]) -> None:
        for name in self.names:
            for (where, model), queue in queues.items():
                if where == name:
                    self.standing[name][model] = at("hot", queue)
            tell(self.placement, name, self.standing[name], self.measured, self.room)

    def run(self, seconds: float, queues: Mapping[str, int]) -> list[tuple[float, str, str]]:
        """Each model has so many requests in flight at every moment; returns who got which."""
        sent = []
        for _ in range(int(seconds * 2)):
            homes: dict[tuple[str, str], int] = {}
            for model, queue in queues.items():
                for _ in range(max(1, queue)):
                    where = best(self.placement, model, self.now)
                    sent.append((self.now, model, where))
                    homes[where, model] = homes.get((where, model), 0) + bool(queue)
                    self.now += 0.5 / max(1, queue) / len(queues)
            self.report(homes)
        return sent


def places(sent: list[tuple[float, str, str]], model: str) -> set[str]:
    return {where for _, of, where in sent if of == model}


def test_a_model_that_waits_for_longer_than_a_copy_costs_gets_a_second_one() -> None:
    hour = Hour(3)
    assert len(places(hour.run(20, {"red": 12}), "red")) > 1


def test_a_model_with_little_to_do_keeps_to_one() -> None:
    hour = Hour(3)
    assert len(places(hour.run(60, {"red": 1}), "red")) == 1


def test_the_second_copy_gets_no_more_requests_when_one_suffices() -> None:
    hour = Hour(3)
    hour.run(20, {"red": 12})
    quiet = hour.run(30, {"red": 0})
    after = [one for one in quiet if one[0] > quiet[0][0] + 10]
    assert len(places(after, "red")) == 1


def test_two_models_of_equal_load_keep_their_places() -> None:
    hour = Hour(2)
    hour.run(5, {"red": 8, "green": 8})
    sent = hour.run(120, {"red": 8, "green": 8})
    assert len(places(sent, "red")) == len(places(sent, "green")) == 1
    assert places(sent, "red") != places(sent, "green")


def test_two_models_that_share_a_replica_part_when_another_has_room() -> None:
    hour = Hour(2)
    hour.standing["r0"] = {"red": at("hot", idle=1), "green": at("warm")}
    hour.report({})
    sent = []
    for _ in range(20):
        for model in ("red", "green"):
            sent.append(best(hour.placement, model, hour.now))
            hour.now += 0.5
            other = "green" if model == "red" else "red"
            if sent[-1] == "r0":
                hour.standing["r0"] = {model: at("hot"), other: at("warm")}
            else:
                hour.standing["r1"] = {model: at("hot")}
            hour.report({})
    assert set(sent[-4:]) == {"r0", "r1"}


def test_a_decision_among_a_thousand_replicas_takes_no_two_milliseconds() -> None:
    models = [f"model{number}" for number in range(200)]
    measured = {model: MeasuredCosts(2.0, 0.5, 0.02, GIB) for model in models}
    placement = Placement()
    for number in range(1000):
        held = {models[(number * 7 + step) % 200]: at("hot", step) for step in range(8)}
        tell(placement, f"r{number}", held, measured, room=8 * GIB)
    seconds = []
    for number in range(400):
        began = time.thread_time()
        best(placement, models[number % 200], number / 100)
        seconds.append(time.thread_time() - began)
    assert median(seconds) < 0.002
