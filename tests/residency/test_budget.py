"""GPU memory under a budget: who gets it, who makes room, who waits."""

import pytest
from memory_scene import MemoryScene, sized

from greenroom.errors import DoesNotFit, OutOfMemory, WaitedTooLong
from greenroom.residency.states import Action, Residency

HOT, WARM, COLD = Residency.HOT, Residency.WARM, Residency.COLD


def three(budget=20, asr=HOT, tts=HOT, lm=COLD, **given):
    """Return three models of 8 + 1 MiB, by default under a budget for two of them."""
    return MemoryScene(
        sized("asr", 8, 1, residency=asr, **given),
        sized("tts", 8, 1, residency=tts, **given),
        sized("lm", 8, 1, residency=lm, **given),
        budget=budget,
    )


def lease_for_a_while(scene, name):
    ticket = scene.ask(name)
    scene.wait(1)
    scene.release(ticket)


def test_a_model_that_fits_is_loaded():
    scene = three(tts=COLD)
    scene.ask("tts")
    assert scene.actions == [("tts", "load")]


def test_the_least_recently_used_makes_room_and_the_load_waits_until_it_has():
    scene = three()
    lease_for_a_while(scene, "tts")
    lease_for_a_while(scene, "asr")
    ticket = scene.ask("lm")
    assert scene.history == [("tts", "offload", "evict")]
    scene.finish("tts")
    assert scene.history[1:] == [("lm", "load", "request")]
    scene.finish("lm")
    assert scene.granted[-1] is ticket


def test_the_end_of_the_last_lease_counts_not_its_beginning():
    scene = three()
    long = scene.ask("tts")
    lease_for_a_while(scene, "asr")
    scene.wait(1)
    scene.release(long)
    scene.ask("lm")
    assert scene.actions == [("asr", "offload")]


def test_no_more_models_than_needed_make_room():
    scene = MemoryScene(
        sized("small", 2, residency=HOT),
        sized("large", 9, residency=HOT),
        sized("lm", 9),
        budget=12,
    )
    lease_for_a_while(scene, "small")
    lease_for_a_while(scene, "large")
    scene.ask("lm")
    assert scene.actions == [("large", "offload")]


def test_two_small_ones_make_room_for_a_large_one():
    scene = three(budget=18)
    scene.sizes["lm"] = (16 * 2**20, 0)
    scene["lm"].memory.measured = 16 * 2**20
    scene.ask("lm")
    assert scene.actions == [("asr", "offload"), ("tts", "offload")]


def test_a_model_that_can_not_be_offloaded_is_unloaded():
    scene = three(controllable=False)
    scene.ask("lm")
    assert scene.actions == [("asr", "unload")]


def test_what_a_warm_model_leaves_on_the_gpu_is_freed_last():
    scene = MemoryScene(
        sized("asr", 8, 2, residency=WARM),
        sized("tts", 8, 2, residency=HOT),
        sized("lm", 8, 2),
        budget=14,
    )
    scene.ask("lm")
    assert scene.actions == [("tts", "offload")]
    tight = MemoryScene(
        sized("asr", 8, 2, residency=WARM),
        sized("tts", 8, 2, residency=HOT),
        sized("lm", 8, 2),
        budget=13,
    )
    tight.ask("lm")
    assert tight.actions == [("tts", "offload"), ("asr", "unload")]


def test_a_warm_model_needs_only_its_weights_again():
    scene = MemoryScene(
        sized("asr", 8, 2, residency=HOT), sized("tts", 8, 2, residency=WARM), budget=20
    )
    scene.ask("tts")
    assert scene.actions == [("tts", "restore")]


def test_a_pinned_model_never_makes_room():
    scene = MemoryScene(
        sized("asr", 8, residency=HOT, pinned=True),
        sized("tts", 8, residency=HOT),
        sized("lm", 8),
        budget=16,
    )
    lease_for_a_while(scene, "tts")
    scene.ask("lm")
    assert scene.actions == [("tts", "offload")]


def test_a_model_loaded_by_hand_makes_room_only_when_no_other_can():
    scene = three(tts=COLD)
    scene.verb("tts", "load")
    scene.finish("tts")
    lease_for_a_while(scene, "asr")
    ticket = scene.ask("lm")
    assert scene.actions[1:] == [("asr", "offload")]
    scene.finish_all()
    scene.ask("asr")
    scene.finish_all()
    assert scene.actions[3:] == [("tts", "offload"), ("asr", "restore")]
    assert ticket in scene.granted


def test_a_leased_model_is_waited_for():
    scene = three()
    busy = [scene.ask("asr"), scene.ask("tts")]
    waiting = scene.ask("lm")
    assert scene.actions == []
    scene.release(busy[1])
    assert scene.actions == [("tts", "offload")]
    scene.finish_all()
    assert scene.granted[-1] is waiting


def test_what_is_promised_is_not_given_to_another():
    scene = three(asr=COLD, tts=COLD)
    scene.ask("asr"), scene.ask("tts"), scene.ask("lm")
    assert scene.actions == [("asr", "load"), ("tts", "load")]
    assert scene.promised == 18


def test_a_refusal_says_what_is_needed_what_is_free_and_who_holds_it():
    scene = three(max_wait=5)
    scene.ask("asr")
    scene.verb("tts", "load")
    blocked = scene.ask("tts")
    waiting = scene.ask("lm")
    scene.wait(5)
    error = scene.refused[waiting]
    assert isinstance(error, WaitedTooLong)
    assert str(error) == (
        "Model lm is not ready after 5.0 s of waiting: lm is cold. "
        "Model lm needs 9 MiB of GPU memory and 2 MiB of a budget of 20 MiB are free: "
        "asr holds 9 MiB (in use), tts holds 9 MiB (in use)."
    )
    assert blocked in scene.granted


def test_models_that_never_fit_together_are_refused_at_once_with_the_way_out():
    scene = MemoryScene(
        sized("asr", 8, residency=HOT, pinned=True),
        sized("tts", 8),
        sized("lm", 8),
        sized("speech", 0, steps=["tts", "lm"], controllable=False),
        budget=20,
    )
    ticket = scene.ask("speech")
    assert isinstance(scene.refused[ticket], DoesNotFit)
    assert str(scene.refused[ticket]) == (
        "Model speech can not be served with the GPU memory that there is: "
        "asr 8 MiB (pinned), tts 8 MiB, lm 8 MiB need 24 MiB together, and a budget of 20 MiB "
        "can be had. Raise GREENROOM_GPU_BUDGET_BYTES or lower GREENROOM_GPU_RESERVE_BYTES as "
        "far as the GPU allows, unpin a model, or run one of them on the CPU."
    )
    assert scene.actions == []


def test_an_ensembles_models_get_their_memory_together():
    scene = MemoryScene(
        sized("asr", 8, residency=HOT),
        sized("tts", 8),
        sized("lm", 8),
        sized("speech", 0, steps=["tts", "lm"], controllable=False),
        budget=16,
    )
    running = scene.ask("asr")
    ticket = scene.ask("speech")
    assert scene.actions == []
    scene.release(running)
    assert scene.actions == [("asr", "offload")]
    scene.finish("asr")
    assert scene.actions[1:] == [("tts", "load"), ("lm", "load")]
    scene.finish_all()
    assert scene.granted[-1] is ticket


def test_two_ensembles_that_do_not_fit_together_are_served_one_after_the_other():
    names = ("a", "b", "c", "d")
    scene = MemoryScene(
        *(sized(name, 8) for name in names),
        sized("first", 0, steps=["a", "b"], controllable=False),
        sized("second", 0, steps=["c", "d"], controllable=False),
        budget=16,
    )
    first, second = scene.ask("first"), scene.ask("second")
    scene.finish_all()
    assert scene.granted == [first]
    scene.release(first)
    scene.finish_all()
    assert scene.granted == [first, second]


def test_what_a_later_request_made_hot_goes_for_an_earlier_one():
    scene = MemoryScene(
        sized("a", 8),
        sized("b", 8),
        sized("c", 8),
        sized("both", 0, steps=["a", "b"], controllable=False),
        budget=16,
    )
    scene.ask("a")
    scene.finish_all()
    leased = scene.granted[0]
    scene.ask("c")
    scene.finish_all()
    both = scene.ask("both")
    later = scene.granted[1]
    scene.release(later)
    assert scene.actions[-1] == ("c", "offload")
    scene.finish_all()
    assert both in scene.granted
    assert leased not in scene.refused


def test_a_manual_load_evicts_too():
    scene = three()
    verb = scene.verb("lm", "load")
    scene.finish_all()
    assert scene.history == [("asr", "offload", "evict"), ("lm", "load", "manual")]
    assert scene.answers == {verb: None}


def test_a_manual_load_that_finds_no_room_is_refused_with_the_numbers():
    scene = three(max_wait=5)
    scene.ask("asr"), scene.ask("tts")
    verb = scene.verb("lm", "load")
    scene.wait(4.9)
    assert not scene.answers
    scene.wait(0.1)
    assert str(scene.answers[verb]).startswith("After 5.0 s: Model lm needs 9 MiB")


def test_a_manual_load_that_never_fits_is_refused_at_once():
    scene = three(budget=8)
    verb = scene.verb("lm", "load")
    assert isinstance(scene.answers[verb], DoesNotFit)


def test_verbs_behind_a_refused_one_are_still_done():
    scene = three(budget=8)
    load = scene.stage.verb("lm", Action.LOAD, scene.now)
    unload = scene.verb("lm", "unload")
    assert isinstance(scene.answers[load], DoesNotFit)
    assert scene.answers[unload] is None


def test_a_model_that_holds_more_than_its_estimate_makes_others_go():
    scene = MemoryScene(sized("asr", 8, residency=HOT), sized("lm", 4), budget=14)
    scene.sizes["lm"] = (8 * 2**20, 0)
    scene.release(scene.ask("asr"))
    scene.ask("lm")
    scene.finish("lm")
    assert scene.actions == [("lm", "load"), ("asr", "offload")]


def test_an_estimate_counts_until_the_first_measurement():
    scene = MemoryScene(sized("lm", 4), budget=14)
    scene["lm"].memory.measured = None
    scene["lm"].memory.estimate = 6 * 2**20
    scene.ask("lm")
    assert scene.promised == 6
    scene.finish("lm")
    assert scene.promised == 4


def test_a_model_without_weights_and_measurement_needs_nothing():
    scene = MemoryScene(sized("asr", 8, residency=HOT), sized("echo", 0), budget=8)
    scene.ask("asr"), scene.ask("echo")
    assert scene.actions == [("echo", "load")]


def test_a_restore_without_enough_memory_needs_more_at_its_next_attempt():
    scene = MemoryScene(sized("asr", 8, residency=HOT), sized("tts", 8, residency=WARM), budget=17)
    scene.ask("tts")
    scene.finish("tts", error=OutOfMemory("No."))
    assert scene.residency("tts") is WARM
    again = scene.ask("tts")
    scene.wait(1)
    assert scene.actions == [("tts", "restore"), ("asr", "offload")]
    scene.finish("asr")
    scene.finish("tts")
    assert again in scene.granted
    assert scene["tts"].memory.raised == 0


def test_a_need_that_is_raised_beyond_all_there_is_is_still_tried():
    scene = MemoryScene(sized("tts", 8, residency=WARM), budget=9)
    scene.ask("tts")
    scene.finish("tts", error=OutOfMemory("No."))
    scene.ask("tts")
    scene.wait(1)
    assert scene.actions == [("tts", "restore")] * 2


def test_without_a_budget_everything_is_admitted():
    scene = three(budget=0)
    scene.ask("lm")
    assert scene.actions == [("lm", "load")]


def test_a_model_pinned_beyond_the_budget_says_so_and_so_hears_who_asks_for_another():
    scene = MemoryScene(sized("asr", 30, pinned=True), sized("tts", 8), budget=20)
    assert scene["asr"].last_error.startswith("Model asr can not be served")
    scene.ask("tts")
    assert scene.actions == []
    assert "asr 30 MiB (pinned)" in str(next(iter(scene.refused.values())))


@pytest.mark.parametrize("residency", [COLD, WARM])
def test_a_model_taken_away_by_hand_counts_no_more_as_pinned(residency):
    scene = MemoryScene(sized("asr", 8, 1, residency=HOT, pinned=True), sized("tts", 16), budget=20)
    scene.verb("asr", "offload" if residency is WARM else "unload")
    scene.finish("asr")
    scene.ask("tts")
    assert scene.actions[-1] == ("tts", "load")


def test_models_that_are_found_loaded_make_room_only_once_all_have_reported():
    scene = MemoryScene(sized("asr", 8), sized("tts", 8), sized("lm", 8), budget=16, up=False)
    scene.back(dict.fromkeys(("asr", "tts", "lm"), HOT))
    for name in ("asr", "tts"):
        scene.report(name)
        scene.decide()
    assert scene.actions == []
    scene.report("lm")
    scene.decide()
    assert scene.actions == [("asr", "offload")]


def test_a_raised_need_leaves_room_for_the_other_models_of_an_ensemble():
    scene = MemoryScene(
        sized("asr", 5, residency=HOT),
        sized("tts", 9, residency=WARM),
        sized("speech", 0, steps=["asr", "tts"], controllable=False, residency=HOT),
        budget=16,
    )
    scene.release(scene.ask("speech"))
    scene.finish("tts", error=OutOfMemory("No."))
    scene.ask("speech")
    scene.wait(1)
    assert scene.actions == [("tts", "restore")] * 2


def test_a_raised_need_is_given_up_when_others_use_the_card():
    scene = MemoryScene(sized("tts", 8, residency=WARM), card=20)
    scene.others = 11
    scene.ask("tts")
    scene.finish("tts", error=OutOfMemory("No."))
    scene.ask("tts")
    scene.wait(9)
    assert len(scene.actions) == 1
    scene.wait(2)
    assert scene.actions == [("tts", "restore")] * 2
