"""Transitions that fail: who is told, and when they are tried again."""

import pytest
from stage_harness import StageHarness, model

from greenroom.errors import TransitionFailed
from greenroom.residency.backoff import LONGEST_BACK_OFF
from greenroom.residency.states import Residency


def test_a_load_that_fails_answers_each_waiter_once_with_the_reason():
    harness = StageHarness(model("tts"))
    tickets = [harness.ask("tts") for _ in range(5)]
    harness.finish("tts", error="weights.bin is not there.")
    assert list(harness.refused) == tickets
    for error in harness.refused.values():
        assert isinstance(error, TransitionFailed)
        assert str(error) == "The load of model tts failed: weights.bin is not there."
    assert harness.residency("tts") is Residency.COLD
    assert harness["tts"].demand.waiting == 0
    assert harness["tts"].failure.last_error == "weights.bin is not there."


def test_nobody_is_tried_for_when_nobody_asks():
    harness = StageHarness(model("tts"))
    harness.ask("tts")
    harness.finish("tts", error="No.")
    harness.wait(1000)
    assert len(harness.actions) == 1


def test_the_next_request_waits_for_the_back_off_and_is_then_served():
    harness = StageHarness(model("tts"))
    harness.ask("tts")
    harness.finish("tts", error="No.")
    ticket = harness.ask("tts")
    assert len(harness.actions) == 1
    harness.wait(1)
    assert len(harness.actions) == 2
    harness.finish("tts")
    assert harness.granted == [ticket]
    assert harness["tts"].failure.last_error is None


def test_the_back_off_doubles_up_to_its_bound():
    harness = StageHarness(model("tts", max_wait=1000))
    waits = []
    for _ in range(9):
        harness.ask("tts")
        begin = harness.now
        while not harness.running:
            harness.wait(harness.stage.next_due(harness.now) - harness.now)
        waits.append(harness.now - begin)
        harness.finish("tts", error="No.")
    assert waits == [0, 1, 2, 4, 8, 16, 32, LONGEST_BACK_OFF, LONGEST_BACK_OFF]


def test_a_good_load_ends_the_back_off_of_earlier_failures():
    harness = StageHarness(model("tts", offload_after=1))
    for _ in range(4):
        harness.act_by_hand("tts", "load")
        harness.finish("tts", error="No.")
    harness.act_by_hand("tts", "load")
    harness.finish("tts")
    harness.release(harness.ask("tts"))
    harness.wait(1)
    harness.finish("tts")
    harness.ask("tts")
    assert harness.actions[-2:] == [("tts", "offload"), ("tts", "restore")]


def test_a_manual_load_does_not_wait_for_the_back_off():
    harness = StageHarness(model("tts"))
    harness.ask("tts")
    harness.finish("tts", error="No.")
    harness.act_by_hand("tts", "load")
    assert harness.actions == [("tts", "load")] * 2


def test_a_failed_load_answers_the_verbs_that_wanted_the_model_hot():
    harness = StageHarness(model("tts"))
    load, unload = harness.act_by_hand("tts", "load"), harness.act_by_hand("tts", "unload")
    harness.finish("tts", error="No.")
    assert str(harness.answers[load]) == "No."
    assert harness.answers[unload] is None


def test_a_failed_restore_leaves_the_model_warm_and_can_be_tried_again():
    harness = StageHarness(model("tts", residency=Residency.WARM))
    verb = harness.act_by_hand("tts", "restore")
    harness.finish("tts", error="Out of memory.")
    assert harness.residency("tts") is Residency.WARM
    assert str(harness.answers[verb]) == "Out of memory."
    harness.act_by_hand("tts", "restore")
    harness.finish("tts")
    assert harness.residency("tts") is Residency.HOT


def test_a_failed_restore_keeps_the_leases_of_requests_that_are_with_the_model_already():
    tts = model("tts", residency=Residency.WARM, unload_after=0, offload_after=0)
    asr = model("asr", offload_after=-1, unload_after=-1)
    speech = model("speech", steps=("asr", "tts"), controllable=False)
    harness = StageHarness(asr, tts, speech, up=False)
    ticket = harness.ask("speech")
    hot = dict.fromkeys(("asr", "speech"), Residency.HOT)
    harness.back({**hot, "tts": Residency.WARM})
    assert harness.granted == [ticket]
    harness.finish("tts", error="Out of memory.")
    assert harness["tts"].demand.leases == 1
    harness.wait(1000)
    assert harness.actions == [("tts", "restore")]
    harness.release(ticket)
    assert harness.actions == [("tts", "restore"), ("tts", "unload")]


@pytest.mark.parametrize("action", ["offload", "unload"])
def test_a_failed_take_away_leaves_the_model_hot_and_serves_who_waited(action):
    harness = StageHarness(model("tts", residency=Residency.HOT))
    verb = harness.act_by_hand("tts", action)
    ticket = harness.ask("tts")
    harness.finish("tts", error="No.")
    assert str(harness.answers[verb]) == "No."
    assert harness.granted == [ticket]
    assert not harness.refused


def test_a_pinned_model_that_fails_is_tried_again_without_anybody_asking():
    harness = StageHarness(model("asr", pinned=True))
    harness.finish("asr", error="No.")
    harness.wait(1)
    assert len(harness.actions) == 2


def test_a_request_that_waits_out_a_back_off_in_vain_hears_of_the_last_error():
    harness = StageHarness(model("tts", max_wait=0.5))
    harness.ask("tts")
    harness.finish("tts", error="weights.bin is not there.")
    ticket = harness.ask("tts")
    harness.wait(0.5)
    assert str(harness.refused[ticket]).endswith("The last error of tts: weights.bin is not there.")
