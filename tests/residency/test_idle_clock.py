"""What the policy does to models that nobody uses."""

from scene import NEVER, Scene, model

from greenroom.residency.states import Residency


def used_once(scene, name="tts"):
    scene.release(scene.ask(name))


def test_an_idle_model_is_offloaded_and_later_unloaded():
    scene = Scene(model("tts", residency=Residency.HOT, offload_after=1, unload_after=60))
    used_once(scene)
    scene.wait(0.9)
    assert scene.actions == []
    scene.wait(0.1)
    assert scene.history == [("tts", "offload", "idle")]
    scene.finish("tts")
    scene.wait(58.9)
    assert scene.residency("tts") is Residency.WARM
    scene.wait(0.1)
    assert scene.history[-1] == ("tts", "unload", "idle")


def test_0_means_at_once():
    scene = Scene(model("tts", residency=Residency.HOT, offload_after=0), up=False)
    scene.back({"tts": Residency.HOT})
    assert scene.actions == [("tts", "offload")]


def test_minus_1_means_never():
    scene = Scene(model("tts", residency=Residency.HOT, offload_after=NEVER, unload_after=NEVER))
    used_once(scene)
    scene.wait(1e6)
    assert scene.actions == []
    assert scene.stage.next_due(scene.now) is None


def test_a_model_without_the_control_input_is_unloaded_but_never_offloaded():
    scene = Scene(
        model("echo", controllable=False, residency=Residency.HOT, offload_after=1, unload_after=60)
    )
    used_once(scene, "echo")
    scene.wait(59)
    assert scene.actions == []
    scene.wait(1)
    assert scene.actions == [("echo", "unload")]


def test_when_both_are_due_the_model_is_unloaded_without_an_offload_first():
    scene = Scene(model("tts", residency=Residency.HOT, offload_after=5, unload_after=5))
    used_once(scene)
    scene.wait(5)
    assert scene.actions == [("tts", "unload")]


def test_a_lease_keeps_a_model_however_long_it_lasts():
    scene = Scene(model("tts", offload_after=0, unload_after=0))
    ticket = scene.ask("tts")
    scene.finish("tts")
    scene.wait(1e6)
    assert scene.actions == [("tts", "load")]
    scene.release(ticket)
    assert scene.actions == [("tts", "load"), ("tts", "unload")]


def test_a_model_loaded_for_somebody_who_left_goes_when_its_time_has_come():
    scene = Scene(model("tts", offload_after=1))
    scene.leave(scene.ask("tts"))
    scene.finish("tts")
    scene.wait(1)
    assert scene.actions == [("tts", "load"), ("tts", "offload")]


def test_a_pinned_model_is_loaded_at_start_and_never_leaves():
    scene = Scene(model("asr", pinned=True, offload_after=0, unload_after=0))
    assert scene.history == [("asr", "load", "pinned")]
    scene.finish("asr")
    used_once(scene, "asr")
    scene.wait(1e6)
    assert scene.actions == [("asr", "load")]


def test_an_idle_action_that_fails_is_tried_again_after_its_back_off():
    scene = Scene(model("tts", residency=Residency.HOT, offload_after=1))
    used_once(scene)
    scene.wait(1)
    scene.finish("tts", error="64 bytes are left on the device.")
    assert scene.residency("tts") is Residency.HOT
    assert len(scene.actions) == 1
    scene.wait(1)
    assert scene.actions == [("tts", "offload")] * 2
    scene.finish("tts", error="64 bytes are left on the device.")
    scene.wait(1.9)
    assert len(scene.actions) == 2
    scene.wait(0.1)
    assert len(scene.actions) == 3


def test_nothing_is_due_while_a_transition_runs():
    scene = Scene(model("tts", residency=Residency.HOT, offload_after=1, unload_after=2))
    scene.wait(1)
    assert scene.stage.next_due(scene.now) is None
