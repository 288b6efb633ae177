"""Waiting requests: their bound, their deadlines, and clients that leave."""

import pytest
from stage_harness import StageHarness, model

from greenroom.errors import QueueFull, WaitedTooLong
from greenroom.residency.states import Residency


def test_one_more_than_max_waiting_is_refused_with_the_numbers():
    harness = StageHarness(model("tts", max_waiting=2))
    harness.ask("tts")
    harness.ask("tts")
    with pytest.raises(QueueFull, match=r"tts already has 2 requests waiting.*max_waiting \(2\)"):
        harness.ask("tts")
    assert harness["tts"].demand.waiting == 2


def test_one_key_has_a_share_of_the_places_and_another_has_the_rest():
    harness = StageHarness(model("tts", max_waiting=4), key_share=0.5)
    first = harness.ask("tts", key="1")
    harness.ask("tts", key="1")
    with pytest.raises(QueueFull, match=r"key already has 2 requests.* share of max_waiting \(4\)"):
        harness.ask("tts", key="1")
    harness.leave(first)
    for key in ("1", "2", "2"):
        harness.ask("tts", key=key)
    with pytest.raises(QueueFull, match="tts already has 4 requests waiting"):
        harness.ask("tts", key="3")


def test_max_waiting_0_still_serves_a_hot_model():
    harness = StageHarness(model("tts", max_waiting=0, residency=Residency.HOT))
    assert harness.ask("tts") in harness.granted


def test_a_refusal_for_a_full_step_leaves_no_place_taken_elsewhere():
    harness = StageHarness(model("tts", max_waiting=0), model("speech", steps=["tts"]))
    with pytest.raises(QueueFull, match="Model tts"):
        harness.ask("speech")
    assert harness["speech"].demand.waiting == 0


def test_a_request_that_waits_longer_than_max_wait_is_refused_and_says_why():
    harness = StageHarness(model("tts", max_wait=10))
    ticket = harness.ask("tts")
    harness.wait(9.9)
    assert not harness.refused
    harness.wait(0.1)
    error = harness.refused[ticket]
    assert isinstance(error, WaitedTooLong)
    assert str(error) == "Model tts is not ready after 10.0 s of waiting: tts is loading."
    assert harness["tts"].demand.waiting == 0


def test_the_load_goes_on_for_a_request_that_was_refused():
    harness = StageHarness(model("tts", max_wait=1))
    harness.ask("tts")
    harness.wait(1)
    harness.finish("tts")
    assert harness.residency("tts") is Residency.HOT
    assert not harness.granted


def test_a_client_that_leaves_frees_its_place_and_the_load_goes_on():
    harness = StageHarness(model("tts", max_waiting=1))
    first = harness.ask("tts")
    harness.leave(first)
    second = harness.ask("tts")
    harness.finish("tts")
    assert harness.granted == [second]
    assert harness.actions == [("tts", "load")]


def test_leaving_twice_frees_one_place():
    harness = StageHarness(model("tts"))
    first, _ = harness.ask("tts"), harness.ask("tts")
    harness.leave(first)
    harness.leave(first)
    assert harness["tts"].demand.waiting == 1


def test_a_request_waits_for_a_triton_that_does_not_answer_yet_until_its_deadline():
    harness = StageHarness(model("tts", max_wait=3), up=False)
    ticket = harness.ask("tts")
    harness.wait(3)
    assert str(harness.refused[ticket]) == "Triton does not answer after 3.0 s of waiting."


def test_a_request_that_is_sent_again_goes_before_those_that_asked_later():
    harness = StageHarness(model("tts", max_waiting=2))
    first = harness.ask("tts")
    later = harness.ask("tts")
    harness.leave(first)
    harness.ask("tts")
    again = harness.stage.ask("tts", harness.now, first.order)  # no queue is too full for it
    assert harness["tts"].demand.waiting == 3
    harness.finish("tts")
    assert harness.granted.index(again) < harness.granted.index(later)
