"""Manual actions: they join, they queue behind earlier requests, and they win over policy."""

import pytest
from stage_harness import StageHarness, model

from greenroom.errors import Conflict, ServerDown
from greenroom.residency.states import Residency


def test_a_manual_load_is_answered_when_the_model_is_hot():
    harness = StageHarness(model("tts"))
    verb = harness.act_by_hand("tts", "load")
    assert harness.history == [("tts", "load", "manual")]
    assert verb not in harness.answers
    harness.finish("tts")
    assert harness.answers == {verb: None}


def test_a_manual_load_of_a_warm_model_restores_it():
    harness = StageHarness(model("tts", residency=Residency.WARM))
    harness.act_by_hand("tts", "load")
    assert harness.actions == [("tts", "restore")]


@pytest.mark.parametrize(
    ("residency", "action"),
    [
        (Residency.HOT, "load"),
        (Residency.HOT, "restore"),
        (Residency.WARM, "offload"),
        (Residency.COLD, "unload"),
    ],
)
def test_a_verb_whose_state_is_there_already_is_answered_at_once(residency, action):
    harness = StageHarness(model("tts", residency=residency))
    verb = harness.act_by_hand("tts", action)
    assert harness.answers == {verb: None}
    assert harness.actions == []


@pytest.mark.parametrize(
    ("action", "sentence"),
    [
        ("offload", "Model tts is cold: offload needs a hot model."),
        ("restore", "Model tts is cold: restore needs a warm model."),
    ],
)
def test_a_verb_that_leads_nowhere_from_here_is_a_conflict(action, sentence):
    harness = StageHarness(model("tts"))
    verb = harness.act_by_hand("tts", action)
    assert isinstance(harness.answers[verb], Conflict)
    assert str(harness.answers[verb]) == sentence


@pytest.mark.parametrize("action", ["offload", "restore"])
def test_a_model_without_the_control_input_can_not_be_offloaded_or_restored(action):
    harness = StageHarness(model("echo", controllable=False, residency=Residency.HOT))
    sentence = f"it can be loaded and unloaded, not {action}[e]?d"
    with pytest.raises(Conflict, match=sentence):
        harness.act_by_hand("echo", action)


def test_the_same_verbs_join():
    harness = StageHarness(model("tts"))
    assert harness.act_by_hand("tts", "load") is harness.act_by_hand("tts", "load")
    harness.finish("tts")
    assert harness.actions == [("tts", "load")]
    assert len(harness.answers) == 1


def test_a_manual_load_joins_the_load_that_runs_for_a_request():
    harness = StageHarness(model("tts"))
    harness.ask("tts")
    verb = harness.act_by_hand("tts", "load")
    harness.finish("tts")
    assert harness.actions == [("tts", "load")]
    assert harness.answers == {verb: None}


def test_different_verbs_are_done_in_the_order_in_which_they_were_asked():
    harness = StageHarness(model("tts", residency=Residency.HOT))
    unload, load = harness.act_by_hand("tts", "unload"), harness.act_by_hand("tts", "load")
    harness.finish("tts")
    assert list(harness.answers) == [unload]
    harness.finish("tts")
    assert list(harness.answers) == [unload, load]
    assert harness.actions == [("tts", "unload"), ("tts", "load")]


def test_a_manual_unload_waits_for_the_leases_and_holds_later_requests_back():
    harness = StageHarness(model("tts", residency=Residency.HOT))
    running = harness.ask("tts")
    verb = harness.act_by_hand("tts", "unload")
    later = harness.ask("tts")
    assert harness.actions == []
    assert later not in harness.granted
    harness.release(running)
    assert harness.actions == [("tts", "unload")]
    harness.finish("tts")
    assert harness.answers == {verb: None}
    assert harness.actions == [("tts", "unload"), ("tts", "load")]
    harness.finish("tts")
    assert later in harness.granted


def test_a_request_that_asked_first_is_served_before_a_manual_unload():
    harness = StageHarness(model("tts"))
    first = harness.ask("tts")
    verb = harness.act_by_hand("tts", "unload")
    harness.finish("tts")
    assert harness.granted == [first]
    harness.release(first)
    assert harness.actions == [("tts", "load"), ("tts", "unload")]
    harness.finish("tts")
    assert harness.answers == {verb: None}


def test_a_manual_unload_does_not_wait_for_a_request_that_left():
    harness = StageHarness(model("tts"))
    first = harness.ask("tts")
    harness.act_by_hand("tts", "unload")
    harness.leave(first)
    harness.finish("tts")
    assert harness.actions == [("tts", "load"), ("tts", "unload")]


def test_a_model_offloaded_by_hand_is_not_restored_by_policy():
    harness = StageHarness(model("asr", pinned=True, residency=Residency.HOT))
    harness.act_by_hand("asr", "offload")
    harness.finish("asr")
    harness.wait(1e6)
    assert harness.actions == [("asr", "offload")]


def test_a_model_loaded_by_hand_is_not_offloaded_by_a_timer():
    harness = StageHarness(model("tts", offload_after=1, unload_after=1))
    harness.act_by_hand("tts", "load")
    harness.finish("tts")
    harness.wait(1e6)
    assert harness.actions == [("tts", "load")]


@pytest.mark.parametrize("moment", ["before", "while", "after"])
def test_after_a_request_the_policy_rules_again(moment):
    def used():
        harness.end(harness.ask("tts"))

    harness = StageHarness(model("tts", offload_after=1))
    if moment == "before":
        used()
    harness.act_by_hand("tts", "load")
    if moment == "while":
        used()
    harness.finish("tts")
    if moment == "after":
        used()
    harness.wait(1)
    by_hand = moment == "before"
    assert (("tts", "offload") in harness.actions) is not by_hand


def test_a_request_during_a_manual_unload_gives_the_model_back_to_policy():
    harness = StageHarness(model("tts", residency=Residency.HOT, offload_after=1))
    harness.act_by_hand("tts", "unload")
    ticket = harness.ask("tts")
    harness.finish("tts")
    harness.finish("tts")
    harness.release(ticket)
    harness.wait(1)
    assert harness.actions == [("tts", "unload"), ("tts", "load"), ("tts", "offload")]


def test_a_pinned_model_whose_manual_load_failed_is_still_pinned():
    harness = StageHarness(model("asr", pinned=True))
    harness.finish("asr", error="No.")
    harness.act_by_hand("asr", "load")
    harness.finish("asr", error="No.")
    harness.wait(2)
    assert harness.history[-1] == ("asr", "load", "pinned")


def test_a_verb_while_triton_is_away_fails_at_once():
    harness = StageHarness(model("tts"), up=False)
    with pytest.raises(ServerDown, match="Triton does not answer, so model tts cannot load"):
        harness.act_by_hand("tts", "load")
    harness.back()
    assert harness.actions == []
