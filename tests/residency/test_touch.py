"""A touch calls a model ahead of a request."""

from scene import Scene, model

from greenroom.residency.states import Residency


def test_a_touched_cold_model_is_loaded():
    scene = Scene(model("tts"))
    scene.touch("tts")
    assert scene.history == [("tts", "load", "touch")]


def test_a_touched_warm_model_is_restored():
    scene = Scene(model("tts", residency=Residency.WARM))
    scene.touch("tts")
    assert scene.history == [("tts", "restore", "touch")]


def test_a_touch_starts_the_idle_clock_when_the_model_is_hot():
    scene = Scene(model("tts", offload_after=1))
    scene.touch("tts")
    scene.wait(30)
    scene.finish("tts")
    scene.wait(0.9)
    assert scene.residency("tts") is Residency.HOT
    scene.wait(0.1)
    assert scene.residency("tts") is Residency.OFFLOADING


def test_a_touch_of_a_hot_model_starts_its_idle_clock_anew():
    scene = Scene(model("tts", residency=Residency.HOT, offload_after=10))
    scene.wait(9)
    scene.touch("tts")
    scene.wait(9)
    assert scene.actions == []
    scene.wait(1)
    assert scene.actions == [("tts", "offload")]


def test_a_touch_during_an_offload_brings_the_model_back():
    scene = Scene(model("tts", residency=Residency.HOT, offload_after=1))
    scene.wait(1)
    scene.touch("tts")
    scene.finish("tts")
    assert scene.history == [("tts", "offload", "idle"), ("tts", "restore", "touch")]


def test_a_touch_during_an_unload_that_fails_is_fulfilled_by_the_hot_model():
    scene = Scene(model("tts", residency=Residency.HOT, unload_after=10))
    scene.wait(10)
    scene.touch("tts")
    scene.finish("tts", error="Triton said no.")
    scene.wait(9)
    assert len(scene.actions) == 1
    scene.wait(1)
    assert scene.actions == [("tts", "unload")] * 2


def test_a_touch_during_an_unload_that_fails_still_restores_a_warm_model():
    scene = Scene(model("tts", residency=Residency.WARM, unload_after=10))
    scene.wait(10)
    scene.touch("tts")
    scene.finish("tts", error="Triton said no.")
    scene.wait(1)
    assert scene.actions == [("tts", "unload"), ("tts", "restore")]


def test_a_touch_of_an_ensemble_calls_its_steps_and_then_itself():
    scene = Scene(
        model("asr"), model("tts", residency=Residency.WARM), model("speech", steps=["asr", "tts"])
    )
    scene.touch("speech")
    assert scene.actions == [("asr", "load"), ("tts", "restore")]
    scene.finish("tts")
    scene.finish("asr")
    assert scene.history[-1] == ("speech", "load", "touch")


def test_a_touch_while_triton_is_away_counts_when_it_is_back():
    scene = Scene(model("tts"), up=False)
    scene.touch("tts")
    assert scene.actions == []
    scene.back()
    assert scene.actions == [("tts", "load")]


def test_a_touch_while_triton_is_away_is_fulfilled_by_a_model_that_is_still_hot():
    scene = Scene(model("tts", offload_after=1), up=False)
    scene.touch("tts")
    scene.back({"tts": Residency.HOT})
    scene.wait(1)
    assert scene.actions == [("tts", "offload")]


def test_a_touch_is_answered_by_one_attempt():
    scene = Scene(model("tts"))
    scene.touch("tts")
    scene.finish("tts", error="weights.bin is not there.")
    scene.wait(1000)
    assert scene.actions == [("tts", "load")]
