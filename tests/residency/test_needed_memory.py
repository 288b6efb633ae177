"""What a model is taken to need: estimated, then measured, and raised where that was too little."""

from memory_harness import MemoryHarness, sized

from greenroom.errors import OutOfMemory
from greenroom.residency.states import Residency

HOT, WARM = Residency.HOT, Residency.WARM


def test_a_model_that_holds_more_than_its_estimate_makes_others_go():
    harness = MemoryHarness(sized("asr", 8, residency=HOT), sized("lm", 4), budget=14)
    harness.sizes["lm"] = (8 * 2**20, 0)
    harness.release(harness.ask("asr"))
    harness.ask("lm")
    harness.finish("lm")
    assert harness.actions == [("lm", "load"), ("asr", "offload")]


def test_an_estimate_counts_until_the_first_measurement():
    harness = MemoryHarness(sized("lm", 4), budget=14)
    harness["lm"].memory.measured = None
    harness["lm"].memory.estimate = 6 * 2**20
    harness.ask("lm")
    assert harness.promised == 6
    harness.finish("lm")
    assert harness.promised == 4


def test_a_model_without_weights_and_measurement_needs_nothing():
    harness = MemoryHarness(sized("asr", 8, residency=HOT), sized("echo", 0), budget=8)
    harness.ask("asr"), harness.ask("echo")
    assert harness.actions == [("echo", "load")]


def test_a_restore_without_enough_memory_needs_more_at_its_next_attempt():
    harness = MemoryHarness(
        sized("asr", 8, residency=HOT), sized("tts", 8, residency=WARM), budget=17
    )
    harness.ask("tts")
    harness.finish("tts", error=OutOfMemory("No."))
    assert harness.residency("tts") is WARM
    again = harness.ask("tts")
    harness.wait(1)
    assert harness.actions == [("tts", "restore"), ("asr", "offload")]
    harness.finish("asr")
    harness.finish("tts")
    assert again in harness.granted
    assert harness["tts"].memory.raised == 0


def test_a_need_that_is_raised_beyond_all_there_is_is_still_tried():
    harness = MemoryHarness(sized("tts", 8, residency=WARM), budget=9)
    harness.ask("tts")
    harness.finish("tts", error=OutOfMemory("No."))
    harness.ask("tts")
    harness.wait(1)
    assert harness.actions == [("tts", "restore")] * 2


def test_a_raised_need_leaves_room_for_the_other_models_of_an_ensemble():
    harness = MemoryHarness(
        sized("asr", 5, residency=HOT),
        sized("tts", 9, residency=WARM),
        sized("speech", 0, steps=["asr", "tts"], controllable=False, residency=HOT),
        budget=16,
    )
    harness.release(harness.ask("speech"))
    harness.finish("tts", error=OutOfMemory("No."))
    harness.ask("speech")
    harness.wait(1)
    assert harness.actions == [("tts", "restore")] * 2


def test_a_raised_need_is_given_up_when_others_use_the_card():
    harness = MemoryHarness(sized("tts", 8, residency=WARM), card=20)
    harness.others = 11
    harness.ask("tts")
    harness.finish("tts", error=OutOfMemory("No."))
    harness.ask("tts")
    harness.wait(9)
    assert len(harness.actions) == 1
    harness.wait(2)
    assert harness.actions == [("tts", "restore")] * 2
