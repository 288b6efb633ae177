"""Who makes room first: by the last use, by what its return costs, by its next use."""

import random

import pytest
from memory_harness import MemoryHarness, sized

from greenroom.residency.eviction_order import (
    furthest_next_use,
    greedy_dual,
    least_recently_used,
)
from greenroom.residency.ranking import Ranking
from greenroom.residency.states import Residency

HOT = Residency.HOT


def crowd(order, **sizes):
    """Return a harness whose models fill the budget, with one more that is cold."""
    models = [sized(name, size, residency=HOT) for name, size in sizes.items()]
    return MemoryHarness(*models, sized("new", 1), budget=sum(sizes.values()), order=order)


def use(harness, *names):
    for name in names:
        ticket = harness.ask(name)
        while harness.running:
            harness.wait(0.5)
            harness.finish(next(iter(harness.running)))
        harness.wait(1)
        harness.release(ticket)


def evicted(harness):
    harness.ask("new")
    return [name for name, _, reason in harness.history if reason == "evict"]


def test_of_equal_ones_goes_first_the_one_that_was_asked_for_least():
    for order, first in ((least_recently_used, "a"), (greedy_dual, "c")):
        harness = crowd(order, a=4, b=4, c=4)
        use(harness, "a", "a", "a", "b", "b", "c")
        assert evicted(harness) == [first]


def test_a_large_one_goes_before_small_ones_that_come_back_as_slowly():
    harness = crowd(greedy_dual, a=2, b=9, c=2)
    for name in "abc":
        harness[name].seconds["restore"] = 1.0
    use(harness, "a", "b", "c")
    assert evicted(harness) == ["b"]


def test_a_slow_one_stays():
    harness = crowd(greedy_dual, a=4, b=4)
    harness["a"].seconds["restore"], harness["b"].seconds["restore"] = 5.0, 1.0
    use(harness, "a", "b")
    assert evicted(harness) == ["b"]


def test_one_that_was_loved_long_ago_goes_in_the_end():
    harness = crowd(greedy_dual, a=1, b=1)
    use(harness, *"aaaaaaaa", "b")
    seen = []
    for name in ("new", "b") * 12:
        use(harness, name)
        seen = [name for name, _, reason in harness.history if reason == "evict"]
    assert seen[0] == "b"
    assert "a" in seen


def test_the_seconds_of_a_transition_are_measured_where_it_ends():
    harness = crowd(greedy_dual, a=4, b=4)
    use(harness, "a", "b")
    harness.ask("new")
    harness.wait(0.5)
    harness.finish_all()
    assert harness["a"].seconds["offload"] == 0.5


def test_what_is_asked_for_last_in_the_future_goes_first():
    harness = crowd(furthest_next_use({"a": 5.0, "b": 9.0, "c": 7.0}.__getitem__), a=4, b=4, c=4)
    assert evicted(harness) == ["b"]


@pytest.mark.parametrize("seed", range(5))
def test_a_ranking_is_always_sorted(seed):
    draw, ranking, places = random.Random(seed), Ranking(), {}
    for _ in range(300):
        name = draw.choice("abcdefgh")
        if draw.random() < 0.3:
            ranking.drop(name)
            places.pop(name, None)
        else:
            places[name] = draw.randrange(4), draw.randrange(4)
            ranking.put(name, *places[name])
        assert list(ranking) == sorted(places, key=lambda one: (*places[one], one))
