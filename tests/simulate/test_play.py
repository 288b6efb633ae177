"""What is counted of a trace that is played, on one machine and on several."""

import numpy as np
import pytest

from greenroom.residency.policy import Policy
from greenroom.simulate.costs import Costs
from greenroom.simulate.fleet_study import busy, sizes
from greenroom.simulate.play import play
from greenroom.simulate.routers import AtRandom, ByResidency, Evenly
from greenroom.simulate.sweeps import knee, swept
from greenroom.simulate.synthetic import zipf_trace
from greenroom.simulate.trace import Trace
from greenroom.simulate.world import SimulatedModel, World

COSTS = Costs(load=10, restore=1, offload=0.5, unload=2, bytes=100)
STAYS = Policy(offload_after=-1, unload_after=-1)


def trace(*rows):
    """Return a trace of rows of time, model and seconds."""
    names = sorted({name for _, name, _ in rows})
    return Trace(
        names,
        np.array([float(at) for at, _, _ in rows]),
        np.array([names.index(name) for _, name, _ in rows], dtype=np.int32),
        np.array([float(seconds) for *_, seconds in rows]),
    )


def world(policy=STAYS, memory=0, costs=COSTS, **given):
    return World(others=lambda name: SimulatedModel(name, policy, costs), memory=memory, **given)


def played(rows, *args, **given):
    return play(trace(*rows), *args, **given).as_json()


def counts(result):
    return tuple(result[key] for key in ("hot", "warm", "cold", "refused"))


def test_a_model_is_loaded_once_and_hot_afterwards():
    result = played([(0, "a", 3), (5, "a", 3), (20, "a", 3)], world())
    assert counts(result) == (1, 0, 2, 0)  # the second comes while it is loaded
    assert result["wait_seconds"]["total"] == 10 + 5
    assert result["seconds"] == 23
    assert result["device_byte_seconds"] == 100 * 23
    assert result["always_loaded_byte_seconds"] == 100 * 23
    assert result["host_byte_seconds"] == 100 * 23
    assert result["unload_at_once_loads"] == 2
    assert result["unload_at_once_byte_seconds"] == 100 * (13 + 10 + 3 + 10)


def test_what_leaves_frees_the_gpu_from_the_end_of_its_offload():
    result = played([(0, "a", 1), (20, "a", 1)], world(Policy(offload_after=2, unload_after=-1)))
    assert counts(result) == (0, 1, 1, 0)
    assert result["wait_seconds"]["total"] == 10 + 1
    assert result["device_byte_seconds"] == 100 * (10 + 1 + 2 + 0.5) + 100 * 2
    assert result["transitions"] == {"load": 1, "offload": 1, "restore": 1}


def test_one_makes_room_for_the_other_and_that_is_waited_for():
    rows = [(0, "a", 1), (20, "b", 1), (40, "a", 1)]
    result = played(rows, world(memory=150))
    assert counts(result) == (0, 1, 2, 0)
    assert result["evictions"] == 2
    assert result["wait_seconds"]["total"] == 10 + (0.5 + 10) + (0.5 + 1)
    assert result["largest_device_bytes"] == 100


def test_what_can_never_fit_is_refused():
    result = played([(0, "a", 1), (1, "a", 1)], world(memory=50))
    assert counts(result) == (0, 0, 0, 2)
    assert result["refused_because"] == {"does_not_fit": 2}


def test_more_than_a_model_works_on_at_once_queue_behind_it():
    one = COSTS.model_copy(update={"at_once": 1})
    result = played([(0, "a", 4), (1, "a", 4)], world(costs=one))
    assert result["wait_seconds"]["total"] == 10 + 9
    assert result["queue_seconds"]["mean"] == (10 + 13) / 2


def test_the_steps_of_an_ensemble_come_together():
    models = {
        "speech": SimulatedModel("speech", STAYS, COSTS, False, ("asr", "tts")),
        "asr": SimulatedModel("asr", STAYS, COSTS),
        "tts": SimulatedModel("tts", STAYS, COSTS),
    }
    result = played([(0, "speech", 1), (20, "tts", 1)], World(models))
    assert counts(result) == (1, 0, 1, 0)
    assert result["largest_device_bytes"] == 200


def test_seconds_that_the_trace_lacks_are_those_of_the_model():
    timed = COSTS.model_copy(update={"run": 7.0})
    assert played([(0, "a", float("nan"))], world(costs=timed))["request_seconds"]["p50"] == 17


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("fit", [3, 6])
def test_with_equal_sizes_and_costs_none_misses_less_than_belady(seed, fit):
    rows = zipf_trace(400, models=12, burst=1.5, work=0.1, seed=seed)
    apart = Trace(rows.names, np.arange(400) * 60.0, rows.models, np.full(400, 0.1))
    place = world(memory=fit * 100)
    misses = {
        order: 400 - play(apart, place.ordered(order), order).as_json()["hot"]
        for order in ("lru", "gdsf", "belady")
    }
    assert misses["belady"] == fewest_misses(apart, fit)
    assert misses["belady"] <= min(misses["lru"], misses["gdsf"])


def fewest_misses(apart, fit):
    """Belady's count by itself: the one that is needed last leaves a full cache."""
    next_uses, cache, misses = apart.next_uses(), {}, 0
    for model, soonest in zip(apart.models, next_uses, strict=True):
        if model not in cache:
            misses += 1
            if len(cache) == fit:
                del cache[max(cache, key=cache.get)]
        cache[model] = soonest
    return misses


def test_by_residency_loads_less_than_routes_that_know_nothing():
    drawn = busy(zipf_trace(800, models=20, days=1, seed=3), machines=4)
    place = world(memory=800, slots=1)
    routers = (ByResidency(place, drawn.mean_seconds()), Evenly(), AtRandom())
    found = [play(drawn, place, machines=4, router=router).as_json() for router in routers]
    loads = [result["transitions"]["load"] for result in found]
    assert loads[0] < 0.75 * min(loads[1:])
    assert [result["requests"] for result in found] == [800] * 3


def test_what_a_lost_machine_had_is_answered_elsewhere():
    drawn = busy(zipf_trace(400, models=10, days=1, seed=5), machines=3)
    place = world(memory=800, slots=1)
    lost = play(
        drawn, place, machines=3, router=ByResidency(place, drawn.mean_seconds()), losses=3
    ).as_json()
    assert lost["requests"] == 400
    assert lost["transitions"]["load"] > 10


def test_a_busy_trace_keeps_so_many_machines_at_work():
    drawn = zipf_trace(500, models=5, seed=1)
    squeezed = busy(drawn, machines=10)
    assert squeezed.seconds.sum() / squeezed.times[-1] == pytest.approx(9.5)


@pytest.mark.parametrize(
    ("given", "expected"), [("1..20", [1, 2, 5, 10, 20]), ("7", [7]), ("3..40", [3, 5, 10, 20, 40])]
)
def test_fleets_have_round_numbers_of_machines(given, expected):
    assert sizes(given) == expected


def test_the_knee_is_where_more_memory_stops_to_buy_much():
    assert knee([(0, 100), (1, 40), (2, 10), (20, 5), (100, 0)]) == 2


def test_a_sweep_trades_memory_for_waits():
    found = swept(
        zipf_trace(300, models=5, days=1),
        world(),
        "lru",
        "unload_after",
        lambda *_: None,
        (0, 600, -1),
    )
    held = [point["host_byte_seconds"] for point in found["points"]]
    waited = [point["waited_seconds"] for point in found["points"]]
    assert held == sorted(held)
    assert waited == sorted(waited, reverse=True)
    assert found["knee"] in (0, 600, -1)
