"""Ensembles: loaded after their steps, leased with all of them."""

from stage_harness import StageHarness, model

from greenroom.residency.states import Residency

HOT, WARM, COLD = Residency.HOT, Residency.WARM, Residency.COLD


def speech(asr=COLD, tts=COLD, ensemble=COLD, **policy):
    return StageHarness(
        model("speech", steps=["asr", "tts"], controllable=False, residency=ensemble, **policy),
        model("asr", residency=asr),
        model("tts", residency=tts),
    )


def test_the_steps_are_loaded_together_and_the_ensemble_after_them():
    harness = speech()
    ticket = harness.ask("speech")
    assert harness.actions == [("asr", "load"), ("tts", "load")]
    harness.finish("asr")
    assert len(harness.actions) == 2
    harness.finish("tts")
    assert harness.actions[2:] == [("speech", "load")]
    assert not harness.granted
    harness.finish("speech")
    assert harness.granted == [ticket]


def test_a_lease_on_an_ensemble_holds_every_step():
    harness = speech(HOT, HOT, HOT)
    ticket = harness.ask("speech")
    assert [harness[name].demand.leases for name in ("asr", "tts", "speech")] == [1, 1, 1]
    harness.release(ticket)
    assert [harness[name].demand.leases for name in ("asr", "tts", "speech")] == [0, 0, 0]


def test_a_warm_step_is_restored_while_the_request_is_on_its_way():
    harness = speech(HOT, WARM, HOT)
    ticket = harness.ask("speech")
    assert harness.actions == [("tts", "restore")]
    assert harness.granted == [ticket]
    assert ticket.start == "warm"


def test_only_the_cold_step_is_loaded_under_an_ensemble_that_is_there():
    harness = speech(HOT, COLD, HOT)
    ticket = harness.ask("speech")
    assert ticket.start == "cold"
    assert harness.actions == [("tts", "load")]
    harness.finish("tts")
    assert harness.granted == [ticket]


def test_a_step_that_fails_refuses_the_request_for_the_ensemble():
    harness = speech()
    ticket = harness.ask("speech")
    harness.finish("asr", error="No.")
    assert str(harness.refused[ticket]) == "The load of model asr failed: No."
    assert [harness[name].demand.waiting for name in ("asr", "tts", "speech")] == [0, 0, 0]


def test_a_step_alone_can_be_leased_while_another_step_loads():
    harness = speech(HOT)
    waiting, served = harness.ask("speech"), harness.ask("asr")
    assert harness.granted == [served]
    assert waiting.granted_at is None


def test_an_ensemble_never_goes_idle():
    harness = speech(HOT, HOT, HOT, offload_after=0, unload_after=0)
    harness.release(harness.ask("speech"))
    harness.wait(1e6)
    assert harness.actions == []


def test_a_step_is_not_taken_away_while_its_ensemble_loads():
    harness = speech(HOT, HOT)
    harness.leave(harness.ask("speech"))
    harness.act_by_hand("tts", "unload")
    assert harness.actions == [("speech", "load")]
    harness.finish("speech")
    assert harness.actions == [("speech", "load"), ("tts", "unload")]


def test_an_ensemble_can_be_unloaded_after_its_steps():
    harness = speech(COLD, COLD, HOT)
    harness.act_by_hand("speech", "unload")
    assert harness.actions == [("speech", "unload")]


def test_a_manual_load_of_an_ensemble_calls_the_steps_that_are_missing():
    harness = speech(HOT, COLD)
    verb = harness.act_by_hand("speech", "load")
    assert harness.history == [("tts", "load", "ensemble")]
    harness.finish("tts")
    harness.finish("speech")
    assert harness.answers == {verb: None}


def test_a_step_that_would_go_at_once_stays_until_its_ensemble_is_loaded():
    harness = StageHarness(
        model("asr", unload_after=0),
        model("tts", unload_after=0),
        model("speech", steps=["asr", "tts"], controllable=False),
    )
    harness.act_by_hand("speech", "load")
    harness.finish("asr")
    assert harness.residency("asr") is Residency.HOT
    harness.finish("tts")
    harness.finish("speech")
    assert harness.actions[3:] == [("asr", "unload"), ("tts", "unload")]


def test_the_longest_patience_among_an_ensembles_models_counts():
    harness = StageHarness(
        model("tts", max_wait=50), model("speech", steps=["tts"], max_wait=5, controllable=False)
    )
    assert harness.ask("speech").deadline == harness.now + 50
