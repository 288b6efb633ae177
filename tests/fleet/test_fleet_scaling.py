"""How many replicas a fleet wants; needs Ray's classes, and no cluster."""

from types import SimpleNamespace

import pytest

from greenroom.fleet.scaling import policy, stats, wanted


def model(needs=0, **told):
    return {
        "leases": 0,
        "waiting": 0,
        "idle_seconds": 5.0,
        "device_bytes": needs,
        "device_overhead_bytes": 0,
        "policy": {"pinned": False},
        "last_transition": {"action": "load", "seconds": 2.0},
    } | told


def shown(models, bound=150, gpu=None, needs=None):
    held = sum(one["device_bytes"] for one in models.values())
    budget = {"budget_bytes": bound, "held_bytes": held, "reserve_bytes": 10, "needs": needs or {}}
    return {"models": models, "budget": budget, "gpu": gpu}


def told(**sizes):
    return stats(shown({name: model(size) for name, size in sizes.items()}))


@pytest.mark.parametrize(("requests", "replicas"), [(0, 0), (1, 0.25), (4, 1), (9, 2.25), (40, 10)])
def test_requests_want_replicas_by_their_number(requests, replicas):
    assert wanted(requests, 4, [{}]) == replicas


def test_models_in_use_that_do_not_fit_one_device_want_another():
    assert wanted(1, 4, [told(a=100, b=100)]) == 2
    assert wanted(1, 4, [told(a=100, b=100), told(c=100)]) == 3


def test_models_that_fit_one_device_want_no_other():
    assert wanted(1, 4, [told(a=100, b=50), told()]) == 1


def test_a_second_copy_is_no_second_model():
    assert wanted(8, 4, [told(a=100), told(a=100)]) == 2
    assert wanted(1, 4, [told(a=100), told(a=100)]) == 1


def test_a_model_larger_than_any_device_wants_one():
    assert wanted(0, 4, [told(a=1000)]) == 1


def test_a_model_that_was_driven_away_is_in_use_with_what_it_needs():
    models = {
        "here": model(100),
        "driven": model(0, leases=0, idle_seconds=20.0),
        "waiting": model(0, waiting=1, last_transition=None),
    }
    assert wanted(0, 4, [stats(shown(models, needs={"driven": 90, "waiting": 80}))]) == 3


@pytest.mark.parametrize(
    "idle", [{"idle_seconds": 61.0}, {"last_transition": None, "device_bytes": 0}]
)
def test_what_nobody_uses_wants_no_room(idle):
    assert wanted(0, 4, [stats(shown({"a": model(100, **idle)}, needs={"a": 100}))]) == 0


def test_pinned_models_are_everywhere_and_only_make_rooms_smaller():
    pinned = model(60, policy={"pinned": True}, leases=1)
    assert wanted(0, 4, [stats(shown({"pinned": pinned}))]) == 0
    crowded = shown({"pinned": pinned, "a": model(50), "b": model(50)})
    assert wanted(0, 4, [stats(crowded)]) == 2


def test_others_on_the_card_make_rooms_smaller():
    gpu = {"total_bytes": 200, "used_bytes": 150}  # 100 ours, 50 others', 10 kept free
    crowded = shown({"a": model(80), "b": model(70)}, bound=0, gpu=gpu)
    assert stats(crowded)["room_bytes"] == 200 - 10
    crowded["budget"]["held_bytes"] = 100
    assert stats(crowded)["room_bytes"] == 200 - 50 - 10


def test_where_nothing_bounds_memory_requests_alone_count():
    nothing = {"models": {"a": model(100)}, "budget": None, "gpu": None}
    assert stats(nothing) == {}
    assert wanted(2, 4, [stats(nothing)]) == 0.5


def test_the_policy_takes_the_newest_of_each_replica():
    from ray.serve._private.common import TimeStampedValue
    from ray.serve.config import AutoscalingConfig

    def series(*values):
        return [TimeStampedValue(float(at), value) for at, value in enumerate(values)]

    raw = {
        "room_bytes": {"r1": series(150.0), "r2": series(150.0)},
        "needs:a": {"r1": series(0.0, 100.0), "r2": series(0.0)},
        "needs:b": {"r1": series(100.0), "r2": []},
        "needs:c": {"r1": series(100.0, 0.0)},
    }
    config = AutoscalingConfig(target_ongoing_requests=4, max_replicas=9)
    context = SimpleNamespace(raw_metrics=raw, total_num_requests=2.0, config=config)
    assert policy(context) == (2, {})
    context.total_num_requests = 20.0
    assert policy(context) == (5, {})
    assert policy(SimpleNamespace(raw_metrics=None, total_num_requests=0.0, config=config))[0] == 0
