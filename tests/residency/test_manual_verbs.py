"""Manual actions: they join, they queue behind earlier requests, and they win over policy."""

import pytest
from scene import Scene, model

from greenroom.errors import Conflict, ServerDown
from greenroom.residency.states import Residency


def test_a_manual_load_is_answered_when_the_model_is_hot():
    scene = Scene(model("tts"))
    verb = scene.verb("tts", "load")
    assert scene.history == [("tts", "load", "manual")]
    assert verb not in scene.answers
    scene.finish("tts")
    assert scene.answers == {verb: None}


def test_a_manual_load_of_a_warm_model_restores_it():
    scene = Scene(model("tts", residency=Residency.WARM))
    scene.verb("tts", "load")
    assert scene.actions == [("tts", "restore")]


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
    scene = Scene(model("tts", residency=residency))
    verb = scene.verb("tts", action)
    assert scene.answers == {verb: None}
    assert scene.actions == []


@pytest.mark.parametrize(
    ("action", "sentence"),
    [
        ("offload", "Model tts is cold: offload needs a hot model."),
        ("restore", "Model tts is cold: restore needs a warm model."),
    ],
)
def test_a_verb_that_leads_nowhere_from_here_is_a_conflict(action, sentence):
    scene = Scene(model("tts"))
    verb = scene.verb("tts", action)
    assert isinstance(scene.answers[verb], Conflict)
    assert str(scene.answers[verb]) == sentence


@pytest.mark.parametrize("action", ["offload", "restore"])
def test_a_model_without_the_control_input_can_not_be_offloaded_or_restored(action):
    scene = Scene(model("echo", controllable=False, residency=Residency.HOT))
    sentence = f"it can be loaded and unloaded, not {action}[e]?d"
    with pytest.raises(Conflict, match=sentence):
        scene.verb("echo", action)


def test_the_same_verbs_join():
    scene = Scene(model("tts"))
    assert scene.verb("tts", "load") is scene.verb("tts", "load")
    scene.finish("tts")
    assert scene.actions == [("tts", "load")]
    assert len(scene.answers) == 1


def test_a_manual_load_joins_the_load_that_runs_for_a_request():
    scene = Scene(model("tts"))
    scene.ask("tts")
    verb = scene.verb("tts", "load")
    scene.finish("tts")
    assert scene.actions == [("tts", "load")]
    assert scene.answers == {verb: None}


def test_different_verbs_are_done_in_the_order_in_which_they_were_asked():
    scene = Scene(model("tts", residency=Residency.HOT))
    unload, load = scene.verb("tts", "unload"), scene.verb("tts", "load")
    scene.finish("tts")
    assert list(scene.answers) == [unload]
    scene.finish("tts")
    assert list(scene.answers) == [unload, load]
    assert scene.actions == [("tts", "unload"), ("tts", "load")]


def test_a_manual_unload_waits_for_the_leases_and_holds_later_requests_back():
    scene = Scene(model("tts", residency=Residency.HOT))
    running = scene.ask("tts")
    verb = scene.verb("tts", "unload")
    later = scene.ask("tts")
    assert scene.actions == []
    assert later not in scene.granted
    scene.release(running)
    assert scene.actions == [("tts", "unload")]
    scene.finish("tts")
    assert scene.answers == {verb: None}
    assert scene.actions == [("tts", "unload"), ("tts", "load")]
    scene.finish("tts")
    assert later in scene.granted


def test_a_request_that_asked_first_is_served_before_a_manual_unload():
    scene = Scene(model("tts"))
    first = scene.ask("tts")
    verb = scene.verb("tts", "unload")
    scene.finish("tts")
    assert scene.granted == [first]
    scene.release(first)
    assert scene.actions == [("tts", "load"), ("tts", "unload")]
    scene.finish("tts")
    assert scene.answers == {verb: None}


def test_a_manual_unload_does_not_wait_for_a_request_that_left():
    scene = Scene(model("tts"))
    first = scene.ask("tts")
    scene.verb("tts", "unload")
    scene.leave(first)
    scene.finish("tts")
    assert scene.actions == [("tts", "load"), ("tts", "unload")]


def test_a_model_offloaded_by_hand_is_not_restored_by_policy():
    scene = Scene(model("asr", pinned=True, residency=Residency.HOT))
    scene.verb("asr", "offload")
    scene.finish("asr")
    scene.wait(1e6)
    assert scene.actions == [("asr", "offload")]


def test_a_model_loaded_by_hand_is_not_offloaded_by_a_timer():
    scene = Scene(model("tts", offload_after=1, unload_after=1))
    scene.verb("tts", "load")
    scene.finish("tts")
    scene.wait(1e6)
    assert scene.actions == [("tts", "load")]


@pytest.mark.parametrize("moment", ["before", "while", "after"])
def test_after_a_request_the_policy_rules_again(moment):
    def used():
        scene.end(scene.ask("tts"))

    scene = Scene(model("tts", offload_after=1))
    if moment == "before":
        used()
    scene.verb("tts", "load")
    if moment == "while":
        used()
    scene.finish("tts")
    if moment == "after":
        used()
    scene.wait(1)
    by_hand = moment == "before"
    assert (("tts", "offload") in scene.actions) is not by_hand


def test_a_request_during_a_manual_unload_gives_the_model_back_to_policy():
    scene = Scene(model("tts", residency=Residency.HOT, offload_after=1))
    scene.verb("tts", "unload")
    ticket = scene.ask("tts")
    scene.finish("tts")
    scene.finish("tts")
    scene.release(ticket)
    scene.wait(1)
    assert scene.actions == [("tts", "unload"), ("tts", "load"), ("tts", "offload")]


def test_a_pinned_model_whose_manual_load_failed_is_still_pinned():
    scene = Scene(model("asr", pinned=True))
    scene.finish("asr", error="No.")
    scene.verb("asr", "load")
    scene.finish("asr", error="No.")
    scene.wait(2)
    assert scene.history[-1] == ("asr", "load", "pinned")


def test_a_verb_while_triton_is_away_fails_at_once():
    scene = Scene(model("tts"), up=False)
    with pytest.raises(ServerDown, match="Triton does not answer, so model tts can not load"):
        scene.verb("tts", "load")
    scene.back()
    assert scene.actions == []
