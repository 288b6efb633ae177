"""A field of a request says itself which tensor it is."""

from typing import Annotated

import numpy as np

from greenroom_speech.api.recording_requests import EditRequest
from greenroom_speech.api.speech_request import SpeechRequest
from greenroom_speech.api.tensor_fields import TensorField, tensors_of
from greenroom_speech.engines.engine_tags import EngineTags


def shown(tensors):
    return {name: (array.dtype.type, array.tolist()) for name, array in tensors.items()}


def test_given_fields_are_tensors_and_others_are_not():
    asked = SpeechRequest(input="Good evening.", voice="clara", seed=7, language="")
    assert shown(tensors_of(asked)) == {"SEED": (np.int64, [7])}


def test_a_new_field_is_declared_in_one_place():
    class Pitched(SpeechRequest):
        pitch: Annotated[float | None, TensorField("PITCH")] = None
        style: Annotated[str | None, TensorField("STYLE")] = None

    asked = Pitched(input="Good evening.", voice="clara", pitch=1.5)
    assert shown(tensors_of(asked))["PITCH"] == (np.float32, [1.5])
    assert "STYLE" not in tensors_of(asked)


def test_edits_follow_the_clone_or_stand_alone():
    speech = SpeechRequest(input="Hello.", voice="clara", task="emotion", task_info="happy")
    assert shown(speech.tasks(EngineTags())) == {
        "TASK": (np.object_, [b"clone", b"emotion"]),
        "TASK_INFO": (np.object_, [b"", b"happy"]),
    }
    edit = EditRequest(file=b"RIFF", task="denoise", n_edits=2)
    assert shown(edit.tasks()) == {
        "TASK": (np.object_, [b"denoise"] * 2),
        "TASK_INFO": (np.object_, [b""] * 2),
    }
    assert shown(SpeechRequest(input="Hello.", voice="clara").tasks(EngineTags()))["TASK"][1] == [
        b"clone"
    ]


def test_what_is_of_a_recording_is_left_out_for_a_voice_without_one():
    asked = SpeechRequest(input="Yes.", audio_language="en", transcript="Well.", user="me")
    known = EngineTags()
    assert "AUDIO_LANGUAGE" in asked.tensors(known, recorded=True)
    assert "AUDIO_LANGUAGE" not in asked.tensors(known, recorded=False)
    assert asked.left_out(known) == ["user"]
    assert asked.left_out(known, recorded=False) == ["audio_language", "transcript", "user"]
