"""Triton goes away and comes back."""

import pytest
from stage_harness import StageHarness, model

from greenroom.errors import ServerDown
from greenroom.residency.states import Residency


def test_with_triton_every_model_is_gone():
    harness = StageHarness(
        model("asr", residency=Residency.HOT), model("tts", residency=Residency.WARM)
    )
    harness.lose()
    assert [harness.residency(name) for name in ("asr", "tts")] == [Residency.COLD] * 2


def test_requests_wait_for_triton_and_are_then_served():
    harness = StageHarness(model("tts"))
    ticket = harness.ask("tts")
    harness.lose()
    harness.wait(10)
    assert not harness.refused
    assert len(harness.actions) == 1
    harness.back()
    harness.finish("tts")
    assert harness.granted == [ticket]


def test_manual_actions_fail_with_triton():
    harness = StageHarness(model("tts"))
    verb = harness.act_by_hand("tts", "load")
    harness.lose()
    assert isinstance(harness.answers[verb], ServerDown)
    harness.back()
    assert harness.actions == [("tts", "load")]


def test_the_end_of_a_transition_that_triton_took_with_it_says_nothing_of_the_next_one():
    harness = StageHarness(model("tts"))
    ticket = harness.ask("tts")
    old = harness.running["tts"]
    harness.lose()
    harness.back()
    assert harness.residency("tts") is Residency.LOADING
    assert harness.stage.finished(old, harness.now, ServerDown("Triton does not answer.")) == []
    assert harness.residency("tts") is Residency.LOADING
    harness.finish("tts")
    assert harness.granted == [ticket]


def test_leases_from_before_still_count_until_they_end():
    harness = StageHarness(model("tts"))
    ticket = harness.ask("tts")
    harness.finish("tts")
    harness.lose()
    harness.back({"tts": Residency.HOT})
    verb = harness.act_by_hand("tts", "unload")
    assert verb not in harness.answers
    harness.release(ticket)
    assert harness["tts"].demand.leases == 0
    assert harness.actions[-1] == ("tts", "unload")


def test_what_is_loaded_in_the_triton_that_came_back_is_hot():
    harness = StageHarness(model("asr"), model("tts"), up=False)
    harness.back({"tts": Residency.HOT})
    assert harness.residency("tts") is Residency.HOT
    assert harness.residency("asr") is Residency.COLD
    assert harness["tts"].demand.idle_since == harness.now


def test_a_back_off_from_before_does_not_count_for_a_new_triton():
    harness = StageHarness(model("tts"))
    harness.ask("tts")
    harness.finish("tts", error="No.")
    harness.lose()
    harness.back()
    assert harness["tts"].failure.failures == 0
    harness.ask("tts")
    assert harness.actions == [("tts", "load")] * 2


def test_a_pinned_model_is_loaded_again():
    harness = StageHarness(model("asr", pinned=True, residency=Residency.HOT))
    harness.lose()
    harness.back()
    assert harness.actions == [("asr", "load")]


def test_a_pinned_model_that_was_taken_away_by_hand_stays_away():
    harness = StageHarness(model("asr", pinned=True, residency=Residency.HOT))
    harness.act_by_hand("asr", "unload")
    harness.finish("asr")
    harness.lose()
    harness.back()
    assert harness.residency("asr") is Residency.COLD


def test_a_pinned_model_that_was_loaded_by_hand_is_loaded_again():
    harness = StageHarness(model("asr", pinned=True))
    harness.act_by_hand("asr", "load")
    harness.finish("asr")
    harness.lose()
    harness.back()
    assert harness.residency("asr") is Residency.LOADING


def test_nothing_is_due_but_the_deadlines_while_triton_is_away():
    harness = StageHarness(model("tts", max_wait=20, offload_after=1))
    harness.ask("tts")
    harness.finish("tts", error="No.")
    ticket = harness.ask("tts")
    harness.lose()
    harness.wait(15)
    assert harness.stage.next_due(harness.now) == ticket.deadline


def test_a_report_corrects_hot_to_warm():
    harness = StageHarness(model("tts", residency=Residency.HOT))
    harness.stage.observed("tts", Residency.WARM)
    harness.ask("tts")
    assert harness.actions == [("tts", "restore")]


@pytest.mark.parametrize("moment", ["leased", "moving", "cold"])
def test_a_report_changes_nothing_of_a_model_that_is_leased_or_moving_or_cold(moment):
    cold = moment == "cold"
    harness = StageHarness(model("tts", residency=Residency.COLD if cold else Residency.HOT))
    if moment == "leased":
        harness.ask("tts")
    if moment == "moving":
        harness.act_by_hand("tts", "unload")
    before = harness.residency("tts")
    harness.stage.observed("tts", Residency.WARM)
    assert harness.residency("tts") is before
