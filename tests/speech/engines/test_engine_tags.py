import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from greenroom_speech.engines.engine_tags import EngineTags, tags_of

HEAVY = {"torch", "pyworld", "pocketsphinx", "onnxruntime", "scipy"}


def test_each_engine_of_tts_says_what_it_can_be_asked_for():
    names = [entry.name for entry in entry_points(group="greenroom.engines.tts")]
    assert sorted(names) == ["embedded", "kokoro", "step-audio-editx"]
    assert all(tags_of("tts", name).tasks["speed"] for name in names)


def test_an_engine_without_tags_takes_none():
    assert tags_of("mine", "json.decoder:JSONDecoder") == EngineTags()


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["embedded", "kokoro", "step-audio-editx"])
def test_no_engine_is_imported_for_its_tags(engine):
    program = (
        "import sys; from greenroom_speech.engines.engine_tags import tags_of; "
        f"tags_of('tts', {engine!r}); print(*sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert HEAVY.isdisjoint(ran.stdout.split())
