import numpy as np
import pytest
from engine_requests import text

from greenroom.errors import InvalidInput
from greenroom_speech.engines.tasks import TaskStep, order_of
from greenroom_speech.settings import EngineSettings

SETTINGS = EngineSettings(max_text_chars=20)


def test_text_alone_is_a_clone():
    order = order_of({"TEXT": text("Hello.")}, SETTINGS)
    assert order.text == "Hello."
    assert order.steps == (TaskStep("clone", ""),)


def test_steps_keep_their_order():
    request = {"TASK": text("Denoise", "speed"), "TASK_INFO": text("", " Faster ")}
    assert order_of(request, SETTINGS).steps == (
        TaskStep("denoise", ""),
        TaskStep("speed", "faster"),
    )


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        ({}, "TEXT is missing; the task 'clone' needs what to say."),
        ({"TEXT": text("")}, "TEXT is ''; it must contain at least one word."),
        ({"TEXT": text(" \n ")}, "TEXT is ' .n '; it must contain at least one word."),
        ({"TEXT": text("x" * 21)}, "TEXT has 21 characters; it must have at most 20."),
        ({"TEXT": text("a", "b")}, "TEXT has 2 values; it must have 1."),
        ({"TASK": text("sing")}, "TASK is 'sing'; it must be one of clone, emotion"),
        ({"TASK": text()}, "TASK is empty; it must name at least one task."),
        (
            {"TASK": text("vad", "denoise"), "TASK_INFO": text("")},
            "TASK_INFO has 1 values and TASK has 2; they must be the same number.",
        ),
        (
            {"TEXT": text("hi"), "TASK": text("speed", "clone")},
            "TASK has 'clone' after another task; it must be the first.",
        ),
    ],
)
def test_what_does_not_fit_together_is_named(request_, sentence):
    with pytest.raises(InvalidInput, match="^" + sentence):
        order_of(request_, SETTINGS)


def test_a_reference_may_last_half_a_minute_and_an_edit_longer():
    long = {
        "AUDIO": np.full(31 * 8000, 0.5, np.float32),
        "SAMPLE_RATE": np.array([8000], np.int32),
    }
    edit = order_of(long | {"TASK": np.array(["denoise"], object)}, EngineSettings())
    assert edit.steps[0].task == "denoise"
    with pytest.raises(InvalidInput, match=r"AUDIO lasts 31\.0 s; it must last at most 30 s"):
        order_of(long | {"TEXT": np.array(["Hello."], object)}, EngineSettings())
