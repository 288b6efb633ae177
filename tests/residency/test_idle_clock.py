"""What the policy does to models that nobody uses."""

from stage_harness import NEVER, StageHarness, model

from greenroom.residency.states import Residency


def used_once(harness, name="tts"):
    harness.release(harness.ask(name))


def test_an_idle_model_is_offloaded_and_later_unloaded():
    harness = StageHarness(model("tts", residency=Residency.HOT, offload_after=1, unload_after=60))
    used_once(harness)
    harness.wait(0.9)
    assert harness.actions == []
    harness.wait(0.1)
    assert harness.history == [("tts", "offload", "idle")]
    harness.finish("tts")
    harness.wait(58.9)
    assert harness.residency("tts") is Residency.WARM
    harness.wait(0.1)
    assert harness.history[-1] == ("tts", "unload", "idle")


def test_0_means_at_once():
    harness = StageHarness(model("tts", residency=Residency.HOT, offload_after=0), up=False)
    harness.back({"tts": Residency.HOT})
    assert harness.actions == [("tts", "offload")]


def test_minus_1_means_never():
    harness = StageHarness(
        model("tts", residency=Residency.HOT, offload_after=NEVER, unload_after=NEVER)
    )
    used_once(harness)
    harness.wait(1e6)
    assert harness.actions == []
    assert harness.stage.next_due(harness.now) is None


def test_a_model_without_the_control_input_is_unloaded_but_never_offloaded():
    harness = StageHarness(
        model("echo", controllable=False, residency=Residency.HOT, offload_after=1, unload_after=60)
    )
    used_once(harness, "echo")
    harness.wait(59)
    assert harness.actions == []
    harness.wait(1)
    assert harness.actions == [("echo", "unload")]


def test_when_both_are_due_the_model_is_unloaded_without_an_offload_first():
    harness = StageHarness(model("tts", residency=Residency.HOT, offload_after=5, unload_after=5))
    used_once(harness)
    harness.wait(5)
    assert harness.actions == [("tts", "unload")]


def test_a_lease_keeps_a_model_however_long_it_lasts():
    harness = StageHarness(model("tts", offload_after=0, unload_after=0))
    ticket = harness.ask("tts")
    harness.finish("tts")
    harness.wait(1e6)
    assert harness.actions == [("tts", "load")]
    harness.release(ticket)
    assert harness.actions == [("tts", "load"), ("tts", "unload")]


def test_a_model_loaded_for_somebody_who_left_goes_when_its_time_has_come():
    harness = StageHarness(model("tts", offload_after=1))
    harness.leave(harness.ask("tts"))
    harness.finish("tts")
    harness.wait(1)
    assert harness.actions == [("tts", "load"), ("tts", "offload")]


def test_a_pinned_model_is_loaded_at_start_and_never_leaves():
    harness = StageHarness(model("asr", pinned=True, offload_after=0, unload_after=0))
    assert harness.history == [("asr", "load", "pinned")]
    harness.finish("asr")
    used_once(harness, "asr")
    harness.wait(1e6)
    assert harness.actions == [("asr", "load")]


def test_an_idle_action_that_fails_is_tried_again_after_its_back_off():
    harness = StageHarness(model("tts", residency=Residency.HOT, offload_after=1))
    used_once(harness)
    harness.wait(1)
    harness.finish("tts", error="64 bytes are left on the device.")
    assert harness.residency("tts") is Residency.HOT
    assert len(harness.actions) == 1
    harness.wait(1)
    assert harness.actions == [("tts", "offload")] * 2
    harness.finish("tts", error="64 bytes are left on the device.")
    harness.wait(1.9)
    assert len(harness.actions) == 2
    harness.wait(0.1)
    assert len(harness.actions) == 3


def test_nothing_is_due_while_a_transition_runs():
    harness = StageHarness(model("tts", residency=Residency.HOT, offload_after=1, unload_after=2))
    harness.wait(1)
    assert harness.stage.next_due(harness.now) is None
