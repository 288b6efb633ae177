"""Waiting requests: their bound, their deadlines, and clients that leave."""

import pytest
from scene import Scene, model

from greenroom.errors import QueueFull, WaitedTooLong
from greenroom.residency.states import Residency


def test_one_more_than_max_waiting_is_refused_with_the_numbers():
    scene = Scene(model("tts", max_waiting=2))
    scene.ask("tts")
    scene.ask("tts")
    with pytest.raises(QueueFull, match=r"tts already has 2 requests waiting.*max_waiting \(2\)"):
        scene.ask("tts")
    assert scene["tts"].waiting == 2


def test_max_waiting_0_still_serves_a_hot_model():
    scene = Scene(model("tts", max_waiting=0, residency=Residency.HOT))
    assert scene.ask("tts") in scene.granted


def test_a_refusal_for_a_full_step_leaves_no_place_taken_elsewhere():
    scene = Scene(model("tts", max_waiting=0), model("speech", steps=["tts"]))
    with pytest.raises(QueueFull, match="Model tts"):
        scene.ask("speech")
    assert scene["speech"].waiting == 0


def test_a_request_that_waits_longer_than_max_wait_is_refused_and_says_why():
    scene = Scene(model("tts", max_wait=10))
    ticket = scene.ask("tts")
    scene.wait(9.9)
    assert not scene.refused
    scene.wait(0.1)
    error = scene.refused[ticket]
    assert isinstance(error, WaitedTooLong)
    assert str(error) == "Model tts is not ready after 10.0 s of waiting: tts is loading."
    assert scene["tts"].waiting == 0


def test_the_load_goes_on_for_a_request_that_was_refused():
    scene = Scene(model("tts", max_wait=1))
    scene.ask("tts")
    scene.wait(1)
    scene.finish("tts")
    assert scene.residency("tts") is Residency.HOT
    assert not scene.granted


def test_a_client_that_leaves_frees_its_place_and_the_load_goes_on():
    scene = Scene(model("tts", max_waiting=1))
    first = scene.ask("tts")
    scene.leave(first)
    second = scene.ask("tts")
    scene.finish("tts")
    assert scene.granted == [second]
    assert scene.actions == [("tts", "load")]


def test_leaving_twice_frees_one_place():
    scene = Scene(model("tts"))
    first, _ = scene.ask("tts"), scene.ask("tts")
    scene.leave(first)
    scene.leave(first)
    assert scene["tts"].waiting == 1


def test_a_request_waits_for_a_triton_that_does_not_answer_yet_until_its_deadline():
    scene = Scene(model("tts", max_wait=3), up=False)
    ticket = scene.ask("tts")
    scene.wait(3)
    assert str(scene.refused[ticket]) == "Triton does not answer after 3.0 s of waiting."
