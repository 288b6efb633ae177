"""Transitions that fail: who is told, and when they are tried again."""

import pytest
from scene import Scene, model

from greenroom.errors import TransitionFailed
from greenroom.residency.backoff import LONGEST_BACK_OFF
from greenroom.residency.states import Residency


def test_a_load_that_fails_answers_each_waiter_once_with_the_reason():
    scene = Scene(model("tts"))
    tickets = [scene.ask("tts") for _ in range(5)]
    scene.finish("tts", error="weights.bin is not there.")
    assert list(scene.refused) == tickets
    for error in scene.refused.values():
        assert isinstance(error, TransitionFailed)
        assert str(error) == "The load of model tts failed: weights.bin is not there."
    assert scene.residency("tts") is Residency.COLD
    assert scene["tts"].waiting == 0
    assert scene["tts"].last_error == "weights.bin is not there."


def test_nobody_is_tried_for_when_nobody_asks():
    scene = Scene(model("tts"))
    scene.ask("tts")
    scene.finish("tts", error="No.")
    scene.wait(1000)
    assert len(scene.actions) == 1


def test_the_next_request_waits_for_the_back_off_and_is_then_served():
    scene = Scene(model("tts"))
    scene.ask("tts")
    scene.finish("tts", error="No.")
    ticket = scene.ask("tts")
    assert len(scene.actions) == 1
    scene.wait(1)
    assert len(scene.actions) == 2
    scene.finish("tts")
    assert scene.granted == [ticket]
    assert scene["tts"].last_error is None


def test_the_back_off_doubles_up_to_its_bound():
    scene = Scene(model("tts", max_wait=1000))
    waits = []
    for _ in range(9):
        scene.ask("tts")
        begin = scene.now
        while not scene.running:
            scene.wait(scene.stage.next_due(scene.now) - scene.now)
        waits.append(scene.now - begin)
        scene.finish("tts", error="No.")
    assert waits == [0, 1, 2, 4, 8, 16, 32, LONGEST_BACK_OFF, LONGEST_BACK_OFF]


def test_a_good_load_ends_the_back_off_of_earlier_failures():
    scene = Scene(model("tts", offload_after=1))
    for _ in range(4):
        scene.verb("tts", "load")
        scene.finish("tts", error="No.")
    scene.verb("tts", "load")
    scene.finish("tts")
    scene.release(scene.ask("tts"))
    scene.wait(1)
    scene.finish("tts")
    scene.ask("tts")
    assert scene.actions[-2:] == [("tts", "offload"), ("tts", "restore")]


def test_a_manual_load_does_not_wait_for_the_back_off():
    scene = Scene(model("tts"))
    scene.ask("tts")
    scene.finish("tts", error="No.")
    scene.verb("tts", "load")
    assert scene.actions == [("tts", "load")] * 2


def test_a_failed_load_answers_the_verbs_that_wanted_the_model_hot():
    scene = Scene(model("tts"))
    load, unload = scene.verb("tts", "load"), scene.verb("tts", "unload")
    scene.finish("tts", error="No.")
    assert str(scene.answers[load]) == "No."
    assert scene.answers[unload] is None


def test_a_failed_restore_leaves_the_model_warm_and_can_be_tried_again():
    scene = Scene(model("tts", residency=Residency.WARM))
    verb = scene.verb("tts", "restore")
    scene.finish("tts", error="Out of memory.")
    assert scene.residency("tts") is Residency.WARM
    assert str(scene.answers[verb]) == "Out of memory."
    scene.verb("tts", "restore")
    scene.finish("tts")
    assert scene.residency("tts") is Residency.HOT


def test_a_failed_restore_keeps_the_leases_of_requests_that_are_with_the_model_already():
    tts = model("tts", residency=Residency.WARM, unload_after=0, offload_after=0)
    asr = model("asr", offload_after=-1, unload_after=-1)
    speech = model("speech", steps=("asr", "tts"), controllable=False)
    scene = Scene(asr, tts, speech, up=False)
    ticket = scene.ask("speech")
    hot = dict.fromkeys(("asr", "speech"), Residency.HOT)
    scene.back({**hot, "tts": Residency.WARM})
    assert scene.granted == [ticket]
    scene.finish("tts", error="Out of memory.")
    assert scene["tts"].leases == 1
    scene.wait(1000)
    assert scene.actions == [("tts", "restore")]
    scene.release(ticket)
    assert scene.actions == [("tts", "restore"), ("tts", "unload")]


@pytest.mark.parametrize("action", ["offload", "unload"])
def test_a_failed_take_away_leaves_the_model_hot_and_serves_who_waited(action):
    scene = Scene(model("tts", residency=Residency.HOT))
    verb = scene.verb("tts", action)
    ticket = scene.ask("tts")
    scene.finish("tts", error="No.")
    assert str(scene.answers[verb]) == "No."
    assert scene.granted == [ticket]
    assert not scene.refused


def test_a_pinned_model_that_fails_is_tried_again_without_anybody_asking():
    scene = Scene(model("asr", pinned=True))
    scene.finish("asr", error="No.")
    scene.wait(1)
    assert len(scene.actions) == 2


def test_a_request_that_waits_out_a_back_off_in_vain_hears_of_the_last_error():
    scene = Scene(model("tts", max_wait=0.5))
    scene.ask("tts")
    scene.finish("tts", error="weights.bin is not there.")
    ticket = scene.ask("tts")
    scene.wait(0.5)
    assert str(scene.refused[ticket]).endswith("The last error of tts: weights.bin is not there.")
