"""Ensembles: loaded after their steps, leased with all of them."""

from scene import Scene, model

from greenroom.residency.states import Residency

HOT, WARM, COLD = Residency.HOT, Residency.WARM, Residency.COLD


def speech(asr=COLD, tts=COLD, ensemble=COLD, **policy):
    return Scene(
        model("speech", steps=["asr", "tts"], controllable=False, residency=ensemble, **policy),
        model("asr", residency=asr),
        model("tts", residency=tts),
    )


def test_the_steps_are_loaded_together_and_the_ensemble_after_them():
    scene = speech()
    ticket = scene.ask("speech")
    assert scene.actions == [("asr", "load"), ("tts", "load")]
    scene.finish("asr")
    assert len(scene.actions) == 2
    scene.finish("tts")
    assert scene.actions[2:] == [("speech", "load")]
    assert not scene.granted
    scene.finish("speech")
    assert scene.granted == [ticket]


def test_a_lease_on_an_ensemble_holds_every_step():
    scene = speech(HOT, HOT, HOT)
    ticket = scene.ask("speech")
    assert [scene[name].leases for name in ("asr", "tts", "speech")] == [1, 1, 1]
    scene.release(ticket)
    assert [scene[name].leases for name in ("asr", "tts", "speech")] == [0, 0, 0]


def test_a_warm_step_is_restored_while_the_request_is_on_its_way():
    scene = speech(HOT, WARM, HOT)
    ticket = scene.ask("speech")
    assert scene.actions == [("tts", "restore")]
    assert scene.granted == [ticket]
    assert ticket.start == "warm"


def test_only_the_cold_step_is_loaded_under_an_ensemble_that_is_there():
    scene = speech(HOT, COLD, HOT)
    ticket = scene.ask("speech")
    assert ticket.start == "cold"
    assert scene.actions == [("tts", "load")]
    scene.finish("tts")
    assert scene.granted == [ticket]


def test_a_step_that_fails_refuses_the_request_for_the_ensemble():
    scene = speech()
    ticket = scene.ask("speech")
    scene.finish("asr", error="No.")
    assert str(scene.refused[ticket]) == "The load of model asr failed: No."
    assert [scene[name].waiting for name in ("asr", "tts", "speech")] == [0, 0, 0]


def test_a_step_alone_can_be_leased_while_another_step_loads():
    scene = speech(HOT)
    waiting, served = scene.ask("speech"), scene.ask("asr")
    assert scene.granted == [served]
    assert waiting.granted_at is None


def test_an_ensemble_never_goes_idle():
    scene = speech(HOT, HOT, HOT, offload_after=0, unload_after=0)
    scene.release(scene.ask("speech"))
    scene.wait(1e6)
    assert scene.actions == []


def test_a_step_is_not_taken_away_while_its_ensemble_loads():
    scene = speech(HOT, HOT)
    scene.leave(scene.ask("speech"))
    scene.verb("tts", "unload")
    assert scene.actions == [("speech", "load")]
    scene.finish("speech")
    assert scene.actions == [("speech", "load"), ("tts", "unload")]


def test_an_ensemble_can_be_unloaded_after_its_steps():
    scene = speech(COLD, COLD, HOT)
    scene.verb("speech", "unload")
    assert scene.actions == [("speech", "unload")]


def test_a_manual_load_of_an_ensemble_calls_the_steps_that_are_missing():
    scene = speech(HOT, COLD)
    verb = scene.verb("speech", "load")
    assert scene.history == [("tts", "load", "ensemble")]
    scene.finish("tts")
    scene.finish("speech")
    assert scene.answers == {verb: None}


def test_a_step_that_would_go_at_once_stays_until_its_ensemble_is_loaded():
    scene = Scene(
        model("asr", unload_after=0),
        model("tts", unload_after=0),
        model("speech", steps=["asr", "tts"], controllable=False),
    )
    scene.verb("speech", "load")
    scene.finish("asr")
    assert scene.residency("asr") is Residency.HOT
    scene.finish("tts")
    scene.finish("speech")
    assert scene.actions[3:] == [("asr", "unload"), ("tts", "unload")]


def test_the_longest_patience_among_an_ensembles_models_counts():
    scene = Scene(
        model("tts", max_wait=50), model("speech", steps=["tts"], max_wait=5, controllable=False)
    )
    assert scene.ask("speech").deadline == scene.now + 50
