"""Who gets a lease, when, and what ends it."""

import pytest
from stage_harness import StageHarness, model

from greenroom.residency.states import Residency


def test_a_hot_model_is_leased_at_once():
    harness = StageHarness(model("tts", residency=Residency.HOT))
    ticket = harness.ask("tts")
    assert harness.granted == [ticket]
    assert harness["tts"].demand.leases == 1
    assert harness["tts"].demand.waiting == 0


def test_a_cold_model_is_loaded_once_for_everyone_who_waits():
    harness = StageHarness(model("tts"))
    tickets = [harness.ask("tts") for _ in range(50)]
    assert harness.actions == [("tts", "load")]
    assert harness["tts"].demand.waiting == 50
    assert not harness.granted
    harness.finish("tts")
    assert harness.granted == tickets
    assert (harness["tts"].demand.leases, harness["tts"].demand.waiting) == (50, 0)


def test_a_warm_model_is_leased_when_it_is_back():
    harness = StageHarness(model("tts", residency=Residency.WARM))
    ticket = harness.ask("tts")
    assert harness.actions == [("tts", "restore")]
    assert not harness.granted
    harness.finish("tts")
    assert harness.granted == [ticket]


def test_a_warm_later_step_comes_back_while_the_first_one_works():
    asr, tts = model("asr", residency=Residency.HOT), model("tts", residency=Residency.WARM)
    speech = model("speech", steps=("asr", "tts"), residency=Residency.HOT)
    harness = StageHarness(asr, tts, speech)
    ticket = harness.ask("speech")
    assert harness.actions == [("tts", "restore")]
    assert harness.granted == [ticket]


def test_a_warm_first_step_is_waited_for():
    asr, tts = model("asr", residency=Residency.WARM), model("tts", residency=Residency.HOT)
    speech = model("speech", steps=("asr", "tts"), residency=Residency.HOT)
    harness = StageHarness(asr, tts, speech)
    ticket = harness.ask("speech")
    assert not harness.granted
    harness.finish("asr")
    assert harness.granted == [ticket]


def test_a_model_that_is_being_offloaded_is_restored_before_it_is_leased():
    harness = StageHarness(model("tts", residency=Residency.HOT, offload_after=0))
    harness.wait(0)
    ticket = harness.ask("tts")
    assert not harness.granted
    harness.finish("tts")
    assert harness.actions == [("tts", "offload"), ("tts", "restore")]
    harness.finish("tts")
    assert harness.granted == [ticket]


def test_a_model_that_is_being_unloaded_is_loaded_only_when_it_is_gone():
    harness = StageHarness(model("tts", residency=Residency.HOT, unload_after=0))
    harness.ask("tts")
    assert harness.actions == [("tts", "unload")]
    harness.finish("tts")
    assert harness.actions == [("tts", "unload"), ("tts", "load")]


def test_a_released_lease_starts_the_idle_clock():
    harness = StageHarness(model("tts", residency=Residency.HOT))
    first, second = harness.ask("tts"), harness.ask("tts")
    harness.wait(5)
    harness.release(first)
    assert not harness["tts"].idle
    harness.wait(5)
    harness.release(second)
    assert harness["tts"].idle
    assert harness["tts"].demand.idle_since == harness.now


@pytest.mark.parametrize(
    ("residency", "start"),
    [(Residency.COLD, "cold"), (Residency.WARM, "warm"), (Residency.HOT, "hot")],
)
def test_a_ticket_remembers_how_its_model_was_when_it_asked(residency, start):
    harness = StageHarness(model("tts", residency=residency))
    assert harness.ask("tts").start == start


def test_a_ticket_asked_while_a_restore_runs_has_started_warm():
    harness = StageHarness(model("tts", residency=Residency.WARM))
    harness.ask("tts")
    assert harness.ask("tts").start == "warm"
