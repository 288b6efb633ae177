"""A model whose process dies is unloaded and loaded again, whoever held it or waits for it."""

import pytest
from stage_harness import StageHarness, model

from greenroom.residency.effects import HEAL
from greenroom.residency.states import Action, Residency

HEALED = [("tts", "unload", HEAL), ("tts", "load", HEAL)]


def break_(harness, name="tts", seen_at=None):
    news = harness.stage.broke(name, harness.now if seen_at is None else seen_at, harness.now)
    harness.decide()
    return news


def hot(**policy):
    return StageHarness(model("tts", residency=Residency.HOT, **policy))


def heal(harness, name="tts"):
    harness.finish(name)
    harness.finish(name)


def test_an_idle_model_comes_back_hot():
    harness = hot()
    assert break_(harness)
    assert harness.residency("tts") == "unloading"
    assert "has died or was stopped" in harness["tts"].failure.last_error
    heal(harness)
    assert harness.residency("tts") == "hot"
    assert harness.history == HEALED
    assert harness["tts"].failure.last_error is None


def test_what_is_known_already_is_no_news():
    harness = hot()
    assert break_(harness)
    assert not break_(harness)
    harness.finish("tts")
    assert not break_(harness)
    harness.finish("tts")
    assert harness.history == HEALED


def test_what_was_seen_of_the_former_copy_is_no_news():
    harness = hot()
    before = harness.now
    harness.wait(1)
    break_(harness)
    heal(harness)
    assert not break_(harness, seen_at=before)
    assert harness.residency("tts") == "hot"


def test_a_lease_on_the_dead_copy_does_not_hold_the_heal_back():
    harness = hot()
    held = harness.ask("tts")
    break_(harness)
    waiting = harness.ask("tts")
    assert harness.residency("tts") == "unloading"
    heal(harness)
    assert harness.granted == [held, waiting]
    harness.release(held)
    harness.release(waiting)
    assert harness["tts"].demand.leases == 0


def test_a_broken_model_serves_nobody_and_counts_as_cold():
    harness = StageHarness(model("tts", residency=Residency.HOT), up=True)
    harness.stage.broke("tts", harness.now, harness.now)
    ticket = harness.stage.ask("tts", harness.now)
    assert ticket.granted_at is None
    assert ticket.start == "cold"


@pytest.mark.parametrize(("start", "action"), [("hot", "offload"), ("warm", "restore")])
def test_a_transition_that_dies_with_its_process_is_no_failure(start, action):
    harness = StageHarness(model("tts", residency=Residency(start), offload_after=0))
    if action == "restore":
        harness.ask("tts")
    else:
        harness.decide()
    assert harness.running["tts"].action == action
    break_(harness)
    harness.finish("tts", "Its process is dead.")
    assert harness["tts"].failure.failures == 0
    assert not harness.refused
    heal(harness)
    assert harness.history[1:3] == HEALED


def test_a_transition_that_ended_well_is_healed_all_the_same():
    harness = StageHarness(model("tts", residency=Residency.HOT, offload_after=0))
    break_(harness)
    assert harness.running["tts"].action == "offload"
    harness.finish("tts")
    assert harness.running["tts"].reason == HEAL


def test_a_warm_model_comes_back_and_goes_on_under_its_policy():
    harness = StageHarness(model("tts", residency=Residency.WARM, offload_after=1))
    break_(harness)
    heal(harness)
    harness.wait(1)
    assert harness.running["tts"].action == "offload"


def test_what_was_taken_off_stage_by_hand_is_loaded_only_when_it_is_asked_for():
    harness = hot()
    harness.act_by_hand("tts", "offload")
    harness.finish("tts")
    break_(harness)
    harness.finish("tts")
    assert harness.residency("tts") == "cold"
    harness.ask("tts")
    assert harness.residency("tts") == "loading"


def test_what_was_loaded_by_hand_is_there_again():
    harness = StageHarness(model("tts", offload_after=0))
    harness.act_by_hand("tts", "load")
    harness.finish("tts")
    break_(harness)
    heal(harness)
    harness.wait(100)
    assert harness.residency("tts") == "hot"


@pytest.mark.parametrize("action", ["load", "restore"])
def test_verbs_for_a_hot_model_are_answered_when_it_is_hot_again(action):
    harness = hot()
    harness.stage.broke("tts", harness.now, harness.now)
    verb = harness.act_by_hand("tts", action)
    harness.finish("tts")
    assert verb not in harness.answers
    harness.finish("tts")
    assert harness.answers[verb] is None


def test_an_offload_waits_for_the_heal_and_is_done_then():
    harness = hot()
    break_(harness)
    verb = harness.act_by_hand("tts", "offload")
    heal(harness)
    assert harness.running["tts"].action == "offload"
    harness.finish("tts")
    assert harness.answers[verb] is None


def test_an_unload_is_done_by_the_heal_which_loads_nothing_then():
    harness = hot()
    break_(harness)
    verb = harness.act_by_hand("tts", "unload")
    harness.finish("tts")
    assert harness.answers[verb] is None
    assert harness.residency("tts") == "cold"


def test_a_load_that_fails_ends_the_heal():
    harness = hot()
    break_(harness)
    waiting, verb = harness.ask("tts"), harness.act_by_hand("tts", "offload")
    harness.finish("tts")
    harness.finish("tts", "weights.bin is not there.")
    assert "weights.bin" in str(harness.refused[waiting])
    assert "is cold" in str(harness.answers[verb])
    harness.wait(100)
    assert harness.residency("tts") == "cold"


def test_an_unload_that_fails_is_tried_again():
    harness = hot()
    break_(harness)
    harness.finish("tts", "Its process cannot be seen.")
    assert harness.residency("tts") == "hot"
    assert not harness.running
    waiting = harness.ask("tts")
    harness.wait(1)
    heal(harness)
    assert harness.granted == [waiting]


def test_a_warm_step_that_is_broken_is_not_restored():
    harness = StageHarness(
        model("tts", residency=Residency.WARM), model("speech", steps=["tts"], controllable=False)
    )
    harness.act_by_hand("speech", "load")
    harness.finish("tts")
    harness.stage.observed("tts", Residency.WARM)
    assert list(harness.running) == ["speech"]
    break_(harness)
    harness.ask("tts")
    assert harness.residency("tts") == "warm"
    harness.finish("speech")
    assert harness.running["tts"].reason == HEAL


def test_a_model_that_keeps_breaking_unused_heals_more_and_more_rarely():
    harness = hot(pinned=True)
    waits = []
    for _ in range(4):
        break_(harness)
        begun = harness.now
        while "tts" not in harness.running:
            harness.wait(0.5)
        waits.append(harness.now - begun)
        heal(harness)
    assert waits == [0, 1, 2, 4]
    harness.release(harness.ask("tts"))
    break_(harness)
    assert harness.running["tts"].reason == HEAL


def test_a_step_is_not_unloaded_while_its_ensemble_loads():
    harness = StageHarness(
        model("tts", residency=Residency.HOT), model("speech", steps=["tts"], controllable=False)
    )
    harness.ask("speech")
    assert list(harness.running) == ["speech"]
    break_(harness)
    assert list(harness.running) == ["speech"]
    harness.finish("speech")
    assert harness.running["tts"].reason == HEAL


def test_a_report_does_not_bring_a_broken_model_back_to_life():
    harness = StageHarness(model("tts", residency=Residency.HOT))
    harness.stage.broke("tts", harness.now, harness.now)
    harness.stage.observed("tts", Residency.WARM)
    assert harness.residency("tts") == "hot"


def test_with_triton_gone_nothing_is_left_to_heal():
    harness = hot()
    break_(harness)
    harness.lose()
    assert not break_(harness)
    harness.back()
    assert not harness.running
    assert harness.residency("tts") == "cold"


def test_what_the_model_reports_after_a_failure_counts_more_than_where_it_came_from():
    harness = hot(offload_after=0)
    begin = harness.running.pop("tts", None)
    if begin is None:
        harness.decide()
        begin = harness.running.pop("tts")
    assert begin.action is Action.OFFLOAD
    failure = RuntimeError("late")
    harness.record(harness.stage.finished(begin, harness.now, failure, Residency.WARM))
    assert harness.residency("tts") == "warm"


@pytest.mark.parametrize(
    ("state", "action", "end"), [("loading", "load", "hot"), ("unloading", "unload", "cold")]
)
def test_what_triton_is_in_the_middle_of_goes_on_as_a_transition(state, action, end):
    harness = StageHarness(model("tts"), model("echo"), up=False)
    harness.back({"tts": Residency(state), "echo": Residency.HOT})
    assert harness.history == [("tts", action, "read back")]
    echo, tts = harness.ask("echo"), harness.ask("tts")
    assert harness.granted == [echo]
    harness.finish("tts")
    if end == "cold":
        harness.finish("tts")
    assert harness.granted == [echo, tts]
