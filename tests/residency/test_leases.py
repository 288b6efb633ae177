"""Who gets a lease, when, and what ends it."""

import pytest
from scene import Scene, model

from greenroom.residency.states import Residency


def test_a_hot_model_is_leased_at_once():
    scene = Scene(model("tts", residency=Residency.HOT))
    ticket = scene.ask("tts")
    assert scene.granted == [ticket]
    assert scene["tts"].leases == 1
    assert scene["tts"].waiting == 0


def test_a_cold_model_is_loaded_once_for_everyone_who_waits():
    scene = Scene(model("tts"))
    tickets = [scene.ask("tts") for _ in range(50)]
    assert scene.actions == [("tts", "load")]
    assert scene["tts"].waiting == 50
    assert not scene.granted
    scene.finish("tts")
    assert scene.granted == tickets
    assert (scene["tts"].leases, scene["tts"].waiting) == (50, 0)


def test_a_warm_model_is_leased_when_it_is_back():
    scene = Scene(model("tts", residency=Residency.WARM))
    ticket = scene.ask("tts")
    assert scene.actions == [("tts", "restore")]
    assert not scene.granted
    scene.finish("tts")
    assert scene.granted == [ticket]


def test_a_warm_later_step_comes_back_while_the_first_one_works():
    asr, tts = model("asr", residency=Residency.HOT), model("tts", residency=Residency.WARM)
    speech = model("speech", steps=("asr", "tts"), residency=Residency.HOT)
    scene = Scene(asr, tts, speech)
    ticket = scene.ask("speech")
    assert scene.actions == [("tts", "restore")]
    assert scene.granted == [ticket]


def test_a_warm_first_step_is_waited_for():
    asr, tts = model("asr", residency=Residency.WARM), model("tts", residency=Residency.HOT)
    speech = model("speech", steps=("asr", "tts"), residency=Residency.HOT)
    scene = Scene(asr, tts, speech)
    ticket = scene.ask("speech")
    assert not scene.granted
    scene.finish("asr")
    assert scene.granted == [ticket]


def test_a_model_that_is_being_offloaded_is_restored_before_it_is_leased():
    scene = Scene(model("tts", residency=Residency.HOT, offload_after=0))
    scene.wait(0)
    ticket = scene.ask("tts")
    assert not scene.granted
    scene.finish("tts")
    assert scene.actions == [("tts", "offload"), ("tts", "restore")]
    scene.finish("tts")
    assert scene.granted == [ticket]


def test_a_model_that_is_being_unloaded_is_loaded_only_when_it_is_gone():
    scene = Scene(model("tts", residency=Residency.HOT, unload_after=0))
    scene.ask("tts")
    assert scene.actions == [("tts", "unload")]
    scene.finish("tts")
    assert scene.actions == [("tts", "unload"), ("tts", "load")]


def test_a_released_lease_starts_the_idle_clock():
    scene = Scene(model("tts", residency=Residency.HOT))
    first, second = scene.ask("tts"), scene.ask("tts")
    scene.wait(5)
    scene.release(first)
    assert not scene["tts"].idle
    scene.wait(5)
    scene.release(second)
    assert scene["tts"].idle
    assert scene["tts"].idle_since == scene.now


@pytest.mark.parametrize(
    ("residency", "start"),
    [(Residency.COLD, "cold"), (Residency.WARM, "warm"), (Residency.HOT, "hot")],
)
def test_a_ticket_remembers_how_its_model_was_when_it_asked(residency, start):
    scene = Scene(model("tts", residency=residency))
    assert scene.ask("tts").start == start


def test_a_ticket_asked_while_a_restore_runs_has_started_warm():
    scene = Scene(model("tts", residency=Residency.WARM))
    scene.ask("tts")
    assert scene.ask("tts").start == "warm"
