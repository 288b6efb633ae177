"""GPU memory under a budget: who gets it, who makes room, who waits."""

import pytest
from memory_harness import MemoryHarness, sized

from greenroom.errors import DoesNotFit, WaitedTooLong
from greenroom.residency.states import Action, Residency

HOT, WARM, COLD = Residency.HOT, Residency.WARM, Residency.COLD


def three(budget=20, asr=HOT, tts=HOT, lm=COLD, **given):
    """Return three models of 8 + 1 MiB, by default under a budget for two of them."""
    return MemoryHarness(
        sized("asr", 8, 1, residency=asr, **given),
        sized("tts", 8, 1, residency=tts, **given),
        sized("lm", 8, 1, residency=lm, **given),
        budget=budget,
    )


def lease_for_a_while(harness, name):
    ticket = harness.ask(name)
    harness.wait(1)
    harness.release(ticket)


def test_a_model_that_fits_is_loaded():
    harness = three(tts=COLD)
    harness.ask("tts")
    assert harness.actions == [("tts", "load")]


def test_the_least_recently_used_makes_room_and_the_load_waits_until_it_has():
    harness = three()
    lease_for_a_while(harness, "tts")
    lease_for_a_while(harness, "asr")
    ticket = harness.ask("lm")
    assert harness.history == [("tts", "offload", "evict")]
    harness.finish("tts")
    assert harness.history[1:] == [("lm", "load", "request")]
    harness.finish("lm")
    assert harness.granted[-1] is ticket


def test_the_end_of_the_last_lease_counts_not_its_beginning():
    harness = three()
    long = harness.ask("tts")
    lease_for_a_while(harness, "asr")
    harness.wait(1)
    harness.release(long)
    harness.ask("lm")
    assert harness.actions == [("asr", "offload")]


def test_no_more_models_than_needed_make_room():
    harness = MemoryHarness(
        sized("small", 2, residency=HOT),
        sized("large", 9, residency=HOT),
        sized("lm", 9),
        budget=12,
    )
    lease_for_a_while(harness, "small")
    lease_for_a_while(harness, "large")
    harness.ask("lm")
    assert harness.actions == [("large", "offload")]


def test_two_small_ones_make_room_for_a_large_one():
    harness = three(budget=18)
    harness.sizes["lm"] = (16 * 2**20, 0)
    harness["lm"].memory.measured = 16 * 2**20
    harness.ask("lm")
    assert harness.actions == [("asr", "offload"), ("tts", "offload")]


def test_a_model_that_can_not_be_offloaded_is_unloaded():
    harness = three(controllable=False)
    harness.ask("lm")
    assert harness.actions == [("asr", "unload")]


def test_what_a_warm_model_leaves_on_the_gpu_is_freed_last():
    harness = MemoryHarness(
        sized("asr", 8, 2, residency=WARM),
        sized("tts", 8, 2, residency=HOT),
        sized("lm", 8, 2),
        budget=14,
    )
    harness.ask("lm")
    assert harness.actions == [("tts", "offload")]
    tight = MemoryHarness(
        sized("asr", 8, 2, residency=WARM),
        sized("tts", 8, 2, residency=HOT),
        sized("lm", 8, 2),
        budget=13,
    )
    tight.ask("lm")
    assert tight.actions == [("tts", "offload"), ("asr", "unload")]


def test_a_warm_model_needs_only_its_weights_again():
    harness = MemoryHarness(
        sized("asr", 8, 2, residency=HOT), sized("tts", 8, 2, residency=WARM), budget=20
    )
    harness.ask("tts")
    assert harness.actions == [("tts", "restore")]


def test_a_pinned_model_never_makes_room():
    harness = MemoryHarness(
        sized("asr", 8, residency=HOT, pinned=True),
        sized("tts", 8, residency=HOT),
        sized("lm", 8),
        budget=16,
    )
    lease_for_a_while(harness, "tts")
    harness.ask("lm")
    assert harness.actions == [("tts", "offload")]


def test_a_model_loaded_by_hand_makes_room_only_when_no_other_can():
    harness = three(tts=COLD)
    harness.act_by_hand("tts", "load")
    harness.finish("tts")
    lease_for_a_while(harness, "asr")
    ticket = harness.ask("lm")
    assert harness.actions[1:] == [("asr", "offload")]
    harness.finish_all()
    harness.ask("asr")
    harness.finish_all()
    assert harness.actions[3:] == [("tts", "offload"), ("asr", "restore")]
    assert ticket in harness.granted


def test_a_leased_model_is_waited_for():
    harness = three()
    busy = [harness.ask("asr"), harness.ask("tts")]
    waiting = harness.ask("lm")
    assert harness.actions == []
    harness.release(busy[1])
    assert harness.actions == [("tts", "offload")]
    harness.finish_all()
    assert harness.granted[-1] is waiting


def test_what_is_promised_is_not_given_to_another():
    harness = three(asr=COLD, tts=COLD)
    harness.ask("asr"), harness.ask("tts"), harness.ask("lm")
    assert harness.actions == [("asr", "load"), ("tts", "load")]
    assert harness.promised == 18


def test_a_refusal_says_what_is_needed_what_is_free_and_who_holds_it():
    harness = three(max_wait=5)
    harness.ask("asr")
    harness.act_by_hand("tts", "load")
    blocked = harness.ask("tts")
    waiting = harness.ask("lm")
    harness.wait(5)
    error = harness.refused[waiting]
    assert isinstance(error, WaitedTooLong)
    assert str(error) == (
        "Model lm is not ready after 5.0 s of waiting: lm is cold. "
        "Model lm needs 9 MiB of GPU memory and 2 MiB of a budget of 20 MiB are free: "
        "asr holds 9 MiB (in use), tts holds 9 MiB (in use)."
    )
    assert blocked in harness.granted


def test_models_that_never_fit_together_are_refused_at_once_with_the_way_out():
    harness = MemoryHarness(
        sized("asr", 8, residency=HOT, pinned=True),
        sized("tts", 8),
        sized("lm", 8),
        sized("speech", 0, steps=["tts", "lm"], controllable=False),
        budget=20,
    )
    ticket = harness.ask("speech")
    assert isinstance(harness.refused[ticket], DoesNotFit)
    assert str(harness.refused[ticket]) == (
        "Model speech does not fit into the GPU memory: "
        "asr 8 MiB (pinned), tts 8 MiB, lm 8 MiB need 24 MiB together, but there is only a "
        "budget of 20 MiB. Raise GREENROOM_GPU_BUDGET_BYTES or lower GREENROOM_GPU_RESERVE_BYTES "
        "as far as the GPU allows, unpin a model, or run one of them on the CPU."
    )
    assert harness.actions == []


def test_an_ensembles_models_get_their_memory_together():
    harness = MemoryHarness(
        sized("asr", 8, residency=HOT),
        sized("tts", 8),
        sized("lm", 8),
        sized("speech", 0, steps=["tts", "lm"], controllable=False),
        budget=16,
    )
    running = harness.ask("asr")
    ticket = harness.ask("speech")
    assert harness.actions == []
    harness.release(running)
    assert harness.actions == [("asr", "offload")]
    harness.finish("asr")
    assert harness.actions[1:] == [("tts", "load"), ("lm", "load")]
    harness.finish_all()
    assert harness.granted[-1] is ticket


def test_two_ensembles_that_do_not_fit_together_are_served_one_after_the_other():
    names = ("a", "b", "c", "d")
    harness = MemoryHarness(
        *(sized(name, 8) for name in names),
        sized("first", 0, steps=["a", "b"], controllable=False),
        sized("second", 0, steps=["c", "d"], controllable=False),
        budget=16,
    )
    first, second = harness.ask("first"), harness.ask("second")
    harness.finish_all()
    assert harness.granted == [first]
    harness.release(first)
    harness.finish_all()
    assert harness.granted == [first, second]


def test_what_a_later_request_made_hot_goes_for_an_earlier_one():
    harness = MemoryHarness(
        sized("a", 8),
        sized("b", 8),
        sized("c", 8),
        sized("both", 0, steps=["a", "b"], controllable=False),
        budget=16,
    )
    harness.ask("a")
    harness.finish_all()
    leased = harness.granted[0]
    harness.ask("c")
    harness.finish_all()
    both = harness.ask("both")
    later = harness.granted[1]
    harness.release(later)
    assert harness.actions[-1] == ("c", "offload")
    harness.finish_all()
    assert both in harness.granted
    assert leased not in harness.refused


def test_a_manual_load_evicts_too():
    harness = three()
    verb = harness.act_by_hand("lm", "load")
    harness.finish_all()
    assert harness.history == [("asr", "offload", "evict"), ("lm", "load", "manual")]
    assert harness.answers == {verb: None}


def test_a_manual_load_that_finds_no_room_is_refused_with_the_numbers():
    harness = three(max_wait=5)
    harness.ask("asr"), harness.ask("tts")
    verb = harness.act_by_hand("lm", "load")
    harness.wait(4.9)
    assert not harness.answers
    harness.wait(0.1)
    assert str(harness.answers[verb]).startswith("After 5.0 s: Model lm needs 9 MiB")


def test_a_manual_load_that_never_fits_is_refused_at_once():
    harness = three(budget=8)
    verb = harness.act_by_hand("lm", "load")
    assert isinstance(harness.answers[verb], DoesNotFit)


def test_verbs_behind_a_refused_one_are_still_done():
    harness = three(budget=8)
    load = harness.stage.act_by_hand("lm", Action.LOAD, harness.now)
    unload = harness.act_by_hand("lm", "unload")
    assert isinstance(harness.answers[load], DoesNotFit)
    assert harness.answers[unload] is None


def test_without_a_budget_everything_is_admitted():
    harness = three(budget=0)
    harness.ask("lm")
    assert harness.actions == [("lm", "load")]


def test_a_model_pinned_beyond_the_budget_says_so_and_so_hears_who_asks_for_another():
    harness = MemoryHarness(sized("asr", 30, pinned=True), sized("tts", 8), budget=20)
    assert harness["asr"].failure.last_error.startswith("Model asr does not fit")
    harness.ask("tts")
    assert harness.actions == []
    assert "asr 30 MiB (pinned)" in str(next(iter(harness.refused.values())))


@pytest.mark.parametrize("residency", [COLD, WARM])
def test_a_model_taken_away_by_hand_counts_no_more_as_pinned(residency):
    harness = MemoryHarness(
        sized("asr", 8, 1, residency=HOT, pinned=True), sized("tts", 16), budget=20
    )
    harness.act_by_hand("asr", "offload" if residency is WARM else "unload")
    harness.finish("asr")
    harness.ask("tts")
    assert harness.actions[-1] == ("tts", "load")


def test_models_that_are_found_loaded_make_room_only_once_all_have_reported():
    harness = MemoryHarness(sized("asr", 8), sized("tts", 8), sized("lm", 8), budget=16, up=False)
    harness.back(dict.fromkeys(("asr", "tts", "lm"), HOT))
    for name in ("asr", "tts"):
        harness.report(name)
        harness.decide()
    assert harness.actions == []
    harness.report("lm")
    harness.decide()
    assert harness.actions == [("asr", "offload")]


@pytest.mark.parametrize("bounds", [{"budget": 20}, {"card": 30}])
def test_what_moved_long_ago_is_not_kept_for_ever(bounds):
    harness = MemoryHarness(sized("tts", 8, 1, residency=HOT), **bounds)
    for _ in range(50):
        for action in (Action.OFFLOAD, Action.RESTORE):
            harness.act_by_hand("tts", action)
            harness.wait(10)
            harness.finish_all()
    assert len(harness.stage.budget._changes) < 10
