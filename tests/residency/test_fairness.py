"""Who goes first while memory is short: what is hot, but not for ever."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_harness import MemoryHarness, sized
from stage_traffic import Traffic

from greenroom.residency.states import Residency

HOT, COLD = Residency.HOT, Residency.COLD


def one_at_a_time(*names, first=None, **given):
    return MemoryHarness(
        *(sized(name, 8, residency=HOT if name == first else COLD) for name in names),
        budget=8,
        **given,
    )


def test_requests_for_what_is_hot_go_before_an_earlier_one_that_needs_its_memory():
    harness = one_at_a_time("a", "b", first="a")
    running = harness.ask("a")
    waiting = harness.ask("b")
    newer = harness.ask("a")
    assert newer in harness.granted
    harness.release(running)
    assert harness.actions == []
    harness.release(newer)
    assert harness.actions == [("a", "offload")]
    harness.finish_all()
    assert waiting in harness.granted


def test_after_its_patience_is_over_newer_requests_queue_behind_it():
    harness = one_at_a_time("a", "b", first="a", patience=10)
    running = harness.ask("a")
    waiting = harness.ask("b")
    harness.wait(9.9)
    before = harness.ask("a")
    harness.wait(0.1)
    after = harness.ask("a")
    assert before in harness.granted
    assert after not in harness.granted
    harness.release(running)
    harness.release(before)
    harness.finish_all()
    assert waiting in harness.granted
    assert after not in harness.granted
    harness.release(waiting)
    harness.finish_all()
    assert after in harness.granted


def test_who_queued_behind_it_goes_on_when_it_leaves():
    harness = one_at_a_time("a", "b", first="a", patience=10)
    harness.ask("a")
    waiting = harness.ask("b")
    harness.wait(10)
    after = harness.ask("a")
    assert after not in harness.granted
    harness.leave(waiting)
    assert after in harness.granted


def test_only_as_many_models_give_way_as_are_needed():
    harness = MemoryHarness(
        sized("a", 8, residency=HOT), sized("b", 8, residency=HOT), sized("c", 8), budget=16
    )
    for _ in range(2):
        harness.ask("a"), harness.ask("b")
    harness.ask("c")
    harness.wait(10)
    newer = [harness.ask(name) for name in ("a", "b", "a", "b", "a")]
    granted = {ticket.model for ticket in newer if ticket in harness.granted}
    assert len(granted) == 1


def test_a_pinned_model_gives_way_to_nobody():
    harness = MemoryHarness(
        sized("a", 8, residency=HOT, pinned=True),
        sized("b", 8, residency=HOT),
        sized("c", 8),
        budget=16,
    )
    harness.ask("a"), harness.ask("b"), harness.ask("c")
    harness.wait(10)
    assert harness.ask("a") in harness.granted
    assert harness.ask("b") not in harness.granted


def test_requests_for_several_models_are_collated():
    harness = one_at_a_time("a", "b", "c")
    tickets = [harness.ask(name) for name in "abacabcab"]
    while harness.running:
        harness.finish_all()
        for ticket in tickets:
            if ticket.granted_at is not None and ticket in harness.granted:
                harness.granted.remove(ticket)
                harness.release(ticket)
    assert [name for name, action in harness.actions if action == "load"] == ["a", "b", "c"]


def test_a_small_model_goes_before_a_large_one_that_waits_for_models_in_use():
    harness = MemoryHarness(
        sized("a", 8, residency=HOT), sized("large", 12), sized("small", 4), budget=12
    )
    harness.ask("a")
    large, small = harness.ask("large"), harness.ask("small")
    harness.finish_all()
    assert small in harness.granted
    assert large not in harness.granted


def test_but_not_once_the_large_one_has_waited_too_long():
    harness = MemoryHarness(
        sized("a", 8, residency=HOT), sized("large", 12), sized("small", 4), budget=12
    )
    harness.ask("a")
    harness.ask("large")
    harness.wait(10)
    harness.ask("small")
    assert harness.actions == []


def test_who_waits_for_memory_that_others_use_holds_nobody_up():
    harness = MemoryHarness(sized("a", 8, residency=HOT), sized("b", 16), sized("c", 4), card=20)
    harness.others = 8
    harness.ask("a")
    harness.ask("b")
    harness.wait(10)
    harness.ask("c")
    assert harness.actions == [("c", "load")]
    assert harness.ask("a") in harness.granted


ARRIVALS = st.lists(
    st.tuples(st.floats(0.0, 3.0), st.sampled_from(["a", "b", "c", "ab", "bc"])), max_size=60
)


@settings(deadline=None, max_examples=60)
@given(arrivals=ARRIVALS, fits=st.sampled_from([16, 17, 24]))
def test_nobody_waits_much_longer_than_the_patience(arrivals, fits):
    """Each claim before it costs at most one drain, one eviction and one load."""
    harness = MemoryHarness(
        *(sized(name, 8, max_wait=1e9) for name in "abc"),
        sized("ab", 0, steps=["a", "b"], controllable=False, max_wait=1e9),
        sized("bc", 0, steps=["b", "c"], controllable=False, max_wait=1e9),
        budget=fits,
        patience=10,
    )
    traffic = Traffic(harness, transition_seconds=2.0, lease_seconds=3.0)
    longest = traffic.run(arrivals)
    assert longest <= 10 + 5 * (3.0 + 2 * 2.0)


@pytest.mark.parametrize("patience", [0, 10])
def test_a_model_that_is_always_in_use_does_not_starve_the_other(patience):
    harness = one_at_a_time("a", "b", patience=patience)
    traffic = Traffic(harness, transition_seconds=1.0, lease_seconds=2.0)
    longest = traffic.run([(0.5, "a")] * 20 + [(0.5, "b")] + [(0.5, "a")] * 80)
    assert longest <= patience + 2 * (2.0 + 2 * 1.0)
