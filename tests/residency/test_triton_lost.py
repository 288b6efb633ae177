"""Triton goes away and comes back."""

import pytest
from scene import Scene, model

from greenroom.errors import ServerDown
from greenroom.residency.states import Residency


def test_with_triton_every_model_is_gone():
    scene = Scene(model("asr", residency=Residency.HOT), model("tts", residency=Residency.WARM))
    scene.lose()
    assert [scene.residency(name) for name in ("asr", "tts")] == [Residency.COLD] * 2


def test_requests_wait_for_triton_and_are_then_served():
    scene = Scene(model("tts"))
    ticket = scene.ask("tts")
    scene.lose()
    scene.wait(10)
    assert not scene.refused
    assert len(scene.actions) == 1
    scene.back()
    scene.finish("tts")
    assert scene.granted == [ticket]


def test_manual_actions_fail_with_triton():
    scene = Scene(model("tts"))
    verb = scene.verb("tts", "load")
    scene.lose()
    assert isinstance(scene.answers[verb], ServerDown)
    scene.back()
    assert scene.actions == [("tts", "load")]


def test_the_end_of_a_transition_that_triton_took_with_it_says_nothing_of_the_next_one():
    scene = Scene(model("tts"))
    ticket = scene.ask("tts")
    old = scene.running["tts"]
    scene.lose()
    scene.back()
    assert scene.residency("tts") is Residency.LOADING
    assert scene.stage.finished(old, scene.now, ServerDown("Triton does not answer.")) == []
    assert scene.residency("tts") is Residency.LOADING
    scene.finish("tts")
    assert scene.granted == [ticket]


def test_leases_from_before_still_count_until_they_end():
    scene = Scene(model("tts"))
    ticket = scene.ask("tts")
    scene.finish("tts")
    scene.lose()
    scene.back({"tts": Residency.HOT})
    verb = scene.verb("tts", "unload")
    assert verb not in scene.answers
    scene.release(ticket)
    assert scene["tts"].leases == 0
    assert scene.actions[-1] == ("tts", "unload")


def test_what_is_loaded_in_the_triton_that_came_back_is_hot():
    scene = Scene(model("asr"), model("tts"), up=False)
    scene.back({"tts": Residency.HOT})
    assert scene.residency("tts") is Residency.HOT
    assert scene.residency("asr") is Residency.COLD
    assert scene["tts"].idle_since == scene.now


def test_a_back_off_from_before_does_not_count_for_a_new_triton():
    scene = Scene(model("tts"))
    scene.ask("tts")
    scene.finish("tts", error="No.")
    scene.lose()
    scene.back()
    assert scene["tts"].failures == 0
    scene.ask("tts")
    assert scene.actions == [("tts", "load")] * 2


def test_a_pinned_model_is_loaded_again():
    scene = Scene(model("asr", pinned=True, residency=Residency.HOT))
    scene.lose()
    scene.back()
    assert scene.actions == [("asr", "load")]


def test_a_pinned_model_that_was_taken_away_by_hand_stays_away():
    scene = Scene(model("asr", pinned=True, residency=Residency.HOT))
    scene.verb("asr", "unload")
    scene.finish("asr")
    scene.lose()
    scene.back()
    assert scene.residency("asr") is Residency.COLD


def test_a_pinned_model_that_was_loaded_by_hand_is_loaded_again():
    scene = Scene(model("asr", pinned=True))
    scene.verb("asr", "load")
    scene.finish("asr")
    scene.lose()
    scene.back()
    assert scene.residency("asr") is Residency.LOADING


def test_nothing_is_due_but_the_deadlines_while_triton_is_away():
    scene = Scene(model("tts", max_wait=20, offload_after=1))
    scene.ask("tts")
    scene.finish("tts", error="No.")
    ticket = scene.ask("tts")
    scene.lose()
    scene.wait(15)
    assert scene.stage.next_due(scene.now) == ticket.deadline


def test_a_report_corrects_hot_to_warm():
    scene = Scene(model("tts", residency=Residency.HOT))
    scene.stage.observed("tts", Residency.WARM)
    scene.ask("tts")
    assert scene.actions == [("tts", "restore")]


@pytest.mark.parametrize("moment", ["leased", "moving", "cold"])
def test_a_report_changes_nothing_of_a_model_that_is_leased_or_moving_or_cold(moment):
    cold = moment == "cold"
    scene = Scene(model("tts", residency=Residency.COLD if cold else Residency.HOT))
    if moment == "leased":
        scene.ask("tts")
    if moment == "moving":
        scene.verb("tts", "unload")
    before = scene.residency("tts")
    scene.stage.observed("tts", Residency.WARM)
    assert scene.residency("tts") is before
