import numpy as np
import pytest

from greenroom_speech.engines.embedded.base_analysis import Frames
from greenroom_speech.engines.embedded.base_store import BaseStore
from greenroom_speech.engines.embedded.base_voice import BaseVoice

VOICE = BaseVoice("espeak", "cmn")


def measure() -> Frames:
    return Frames(np.array([0, 2], np.int32), np.array([0.0, 120.0]), np.ones((2, 60)) / 3)


def never() -> Frames:
    raise AssertionError("it was kept")


def test_a_measurement_is_kept_bit_for_bit(tmp_path):
    BaseStore(tmp_path).get(VOICE, "text", measure)
    kept = BaseStore(tmp_path).get(VOICE, "text", never)
    assert np.array_equal(kept.codes, measure().codes)
    assert np.array_equal(kept.f0, measure().f0)
    assert np.array_equal(kept.kinds, measure().kinds)


def test_another_voice_or_text_is_measured(tmp_path):
    store = BaseStore(tmp_path)
    store.get(VOICE, "text", measure)
    for voice, text in ((VOICE, "other"), (BaseVoice("espeak", "yue"), "text")):
        with pytest.raises(AssertionError):
            store.get(voice, text, never)


@pytest.mark.parametrize("damage", [b"", b"no archive", b"PK\x03\x04 torn"])
def test_a_broken_file_is_measured_again(tmp_path, damage):
    BaseStore(tmp_path).get(VOICE, "text", measure)
    (path,) = tmp_path.rglob("*.npz")
    path.write_bytes(damage)
    BaseStore(tmp_path).get(VOICE, "text", measure)
    BaseStore(tmp_path).get(VOICE, "text", never)


def test_a_folder_that_cannot_be_made_costs_only_time(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert BaseStore(blocked).get(VOICE, "text", measure).f0[1] == 120


def test_nothing_but_the_measurement_is_left_behind(tmp_path):
    BaseStore(tmp_path).get(VOICE, "text", measure)
    assert [path.suffix for path in tmp_path.rglob("*") if path.is_file()] == [".npz"]
