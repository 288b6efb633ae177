"""A model whose process dies is unloaded and loaded again, whoever held it or waits for it."""

import pytest
from scene import Scene, model

from greenroom.residency.effects import HEAL
from greenroom.residency.states import Action, Residency

HEALED = [("tts", "unload", HEAL), ("tts", "load", HEAL)]


def break_(scene, name="tts", seen_at=None):
    news = scene.stage.broke(name, scene.now if seen_at is None else seen_at, scene.now)
    scene.decide()
    return news


def hot(**policy):
    return Scene(model("tts", residency=Residency.HOT, **policy))


def heal(scene, name="tts"):
    scene.finish(name)
    scene.finish(name)


def test_an_idle_model_comes_back_hot():
    scene = hot()
    assert break_(scene)
    assert scene.residency("tts") == "unloading"
    assert "has died or was stopped" in scene["tts"].last_error
    heal(scene)
    assert scene.residency("tts") == "hot"
    assert scene.history == HEALED
    assert scene["tts"].last_error is None


def test_what_is_known_already_is_no_news():
    scene = hot()
    assert break_(scene)
    assert not break_(scene)
    scene.finish("tts")
    assert not break_(scene)
    scene.finish("tts")
    assert scene.history == HEALED


def test_what_was_seen_of_the_former_copy_is_no_news():
    scene = hot()
    before = scene.now
    scene.wait(1)
    break_(scene)
    heal(scene)
    assert not break_(scene, seen_at=before)
    assert scene.residency("tts") == "hot"


def test_a_lease_on_the_dead_copy_does_not_hold_the_heal_back():
    scene = hot()
    held = scene.ask("tts")
    break_(scene)
    waiting = scene.ask("tts")
    assert scene.residency("tts") == "unloading"
    heal(scene)
    assert scene.granted == [held, waiting]
    scene.release(held)
    scene.release(waiting)
    assert scene["tts"].leases == 0


def test_a_broken_model_serves_nobody_and_counts_as_cold():
    scene = Scene(model("tts", residency=Residency.HOT), up=True)
    scene.stage.broke("tts", scene.now, scene.now)
    ticket = scene.stage.ask("tts", scene.now)
    assert ticket.granted_at is None
    assert ticket.start == "cold"


@pytest.mark.parametrize(("start", "action"), [("hot", "offload"), ("warm", "restore")])
def test_a_transition_that_dies_with_its_process_is_no_failure(start, action):
    scene = Scene(model("tts", residency=Residency(start), offload_after=0))
    if action == "restore":
        scene.ask("tts")
    else:
        scene.decide()
    assert scene.running["tts"].action == action
    break_(scene)
    scene.finish("tts", "Its process is dead.")
    assert scene["tts"].failures == 0
    assert not scene.refused
    heal(scene)
    assert scene.history[1:3] == HEALED


def test_a_transition_that_ended_well_is_healed_all_the_same():
    scene = Scene(model("tts", residency=Residency.HOT, offload_after=0))
    break_(scene)
    assert scene.running["tts"].action == "offload"
    scene.finish("tts")
    assert scene.running["tts"].reason == HEAL


def test_a_warm_model_comes_back_and_goes_on_under_its_policy():
    scene = Scene(model("tts", residency=Residency.WARM, offload_after=1))
    break_(scene)
    heal(scene)
    scene.wait(1)
    assert scene.running["tts"].action == "offload"


def test_what_was_taken_off_stage_by_hand_is_loaded_only_when_it_is_asked_for():
    scene = hot()
    scene.verb("tts", "offload")
    scene.finish("tts")
    break_(scene)
    scene.finish("tts")
    assert scene.residency("tts") == "cold"
    scene.ask("tts")
    assert scene.residency("tts") == "loading"


def test_what_was_loaded_by_hand_is_there_again():
    scene = Scene(model("tts", offload_after=0))
    scene.verb("tts", "load")
    scene.finish("tts")
    break_(scene)
    heal(scene)
    scene.wait(100)
    assert scene.residency("tts") == "hot"


@pytest.mark.parametrize("action", ["load", "restore"])
def test_verbs_for_a_hot_model_are_answered_when_it_is_hot_again(action):
    scene = hot()
    scene.stage.broke("tts", scene.now, scene.now)
    verb = scene.verb("tts", action)
    scene.finish("tts")
    assert verb not in scene.answers
    scene.finish("tts")
    assert scene.answers[verb] is None


def test_an_offload_waits_for_the_heal_and_is_done_then():
    scene = hot()
    break_(scene)
    verb = scene.verb("tts", "offload")
    heal(scene)
    assert scene.running["tts"].action == "offload"
    scene.finish("tts")
    assert scene.answers[verb] is None


def test_an_unload_is_done_by_the_heal_which_loads_nothing_then():
    scene = hot()
    break_(scene)
    verb = scene.verb("tts", "unload")
    scene.finish("tts")
    assert scene.answers[verb] is None
    assert scene.residency("tts") == "cold"


def test_a_load_that_fails_ends_the_heal():
    scene = hot()
    break_(scene)
    waiting, verb = scene.ask("tts"), scene.verb("tts", "offload")
    scene.finish("tts")
    scene.finish("tts", "weights.bin is not there.")
    assert "weights.bin" in str(scene.refused[waiting])
    assert "is cold" in str(scene.answers[verb])
    scene.wait(100)
    assert scene.residency("tts") == "cold"


def test_an_unload_that_fails_is_tried_again():
    scene = hot()
    break_(scene)
    scene.finish("tts", "Its process can not be seen.")
    assert scene.residency("tts") == "hot"
    assert not scene.running
    waiting = scene.ask("tts")
    scene.wait(1)
    heal(scene)
    assert scene.granted == [waiting]


def test_a_warm_step_that_is_broken_is_not_restored():
    scene = Scene(
        model("tts", residency=Residency.WARM), model("speech", steps=["tts"], controllable=False)
    )
    scene.verb("speech", "load")
    scene.finish("tts")
    scene.stage.observed("tts", Residency.WARM)
    assert list(scene.running) == ["speech"]
    break_(scene)
    scene.ask("tts")
    assert scene.residency("tts") == "warm"
    scene.finish("speech")
    assert scene.running["tts"].reason == HEAL


def test_a_model_that_keeps_breaking_unused_heals_more_and_more_rarely():
    scene = hot(pinned=True)
    waits = []
    for _ in range(4):
        break_(scene)
        begun = scene.now
        while "tts" not in scene.running:
            scene.wait(0.5)
        waits.append(scene.now - begun)
        heal(scene)
    assert waits == [0, 1, 2, 4]
    scene.release(scene.ask("tts"))
    break_(scene)
    assert scene.running["tts"].reason == HEAL


def test_a_step_is_not_unloaded_while_its_ensemble_loads():
    scene = Scene(
        model("tts", residency=Residency.HOT), model("speech", steps=["tts"], controllable=False)
    )
    scene.ask("speech")
    assert list(scene.running) == ["speech"]
    break_(scene)
    assert list(scene.running) == ["speech"]
    scene.finish("speech")
    assert scene.running["tts"].reason == HEAL


def test_a_report_does_not_bring_a_broken_model_back_to_life():
    scene = Scene(model("tts", residency=Residency.HOT))
    scene.stage.broke("tts", scene.now, scene.now)
    scene.stage.observed("tts", Residency.WARM)
    assert scene.residency("tts") == "hot"


def test_with_triton_gone_nothing_is_left_to_heal():
    scene = hot()
    break_(scene)
    scene.lose()
    assert not break_(scene)
    scene.back()
    assert not scene.running
    assert scene.residency("tts") == "cold"


def test_what_the_model_reports_after_a_failure_counts_more_than_where_it_came_from():
    scene = hot(offload_after=0)
    begin = scene.running.pop("tts", None)
    if begin is None:
        scene.decide()
        begin = scene.running.pop("tts")
    assert begin.action is Action.OFFLOAD
    failure = RuntimeError("late")
    scene.record(scene.stage.finished(begin, scene.now, failure, Residency.WARM))
    assert scene.residency("tts") == "warm"


@pytest.mark.parametrize(
    ("state", "action", "end"), [("loading", "load", "hot"), ("unloading", "unload", "cold")]
)
def test_what_triton_is_in_the_middle_of_goes_on_as_a_transition(state, action, end):
    scene = Scene(model("tts"), model("echo"), up=False)
    scene.back({"tts": Residency(state), "echo": Residency.HOT})
    assert scene.history == [("tts", action, "read back")]
    echo, tts = scene.ask("echo"), scene.ask("tts")
    assert scene.granted == [echo]
    scene.finish("tts")
    if end == "cold":
        scene.finish("tts")
    assert scene.granted == [echo, tts]
