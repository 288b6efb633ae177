"""The entry point of step-audio-editx: its weights are on their way while torch is imported."""

import subprocess
import sys

import pytest
from tiny_checkpoints.voice import voice_checkpoint

from greenroom.errors import SetupError
from greenroom_speech.engines.step_audio.loading import step_audio_editx
from greenroom_speech.settings import EngineSettings

PROGRAM = """
import sys
from pathlib import Path

from greenroom.managed.host import early_reading
from greenroom_speech.engines.step_audio.loading import step_audio_editx
from greenroom_speech.settings import EngineSettings

class Early(early_reading.EarlyReading):
    def __init__(self, *paths):
        super().__init__(*paths)
        begun.append((self, "torch" in sys.modules))

begun = []
step_audio_editx.__globals__["EarlyReading"] = Early
settings = EngineSettings(models_dir=Path(sys.argv[1]), tts_precision=sys.argv[2])
engine = step_audio_editx(settings)
engine.prime()
print([torch_is_there for _, torch_is_there in begun])

import torch
from safetensors.torch import load_file

stored = load_file(Path(sys.argv[1]) / "Step-Audio-EditX" / "model-00001.safetensors")
held = engine._model.state_dict()
print(all(torch.equal(held[name], stored[name].to(held[name].dtype)) for name in stored))
begin = engine.arena._range.bytes.data_ptr()
for early, _ in begun:
    print(all(held[name].data_ptr() == begin + at for name, (_, at) in early.tensors.items()))
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return voice_checkpoint(tmp_path_factory.mktemp("models"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("precision", "told"),
    [("bf16", ["[False]", "True", "True"]), ("float32", ["[]", "True"])],
)
def test_reading_begins_before_torch_is_imported(models, precision, told):
    command = [sys.executable, "-c", PROGRAM, models, precision]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == told


def test_a_checkpoint_that_is_cut_off_is_refused_in_a_sentence(tmp_path):
    models = voice_checkpoint(tmp_path)
    file = models / "Step-Audio-EditX" / "model-00001.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(SetupError, match=rf"checkpoint {file} has \d+ bytes, .* it is cut off\."):
        step_audio_editx(EngineSettings(models_dir=models))
