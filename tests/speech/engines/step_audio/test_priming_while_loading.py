"""On a GPU the vocoder runs for the first time while the language model is still being read."""

import pytest
import scripted_cuda
import torch
from tiny_checkpoints.voice import voice_checkpoint

from greenroom.managed.arena import Arena, arena_engine
from greenroom_speech.engines.step_audio import tts_engine
from greenroom_speech.engines.step_audio.loading import step_audio_editx
from greenroom_speech.engines.step_audio.vocoder.vocoder import Vocoder
from greenroom_speech.settings import EngineSettings


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_the_vocoder_is_primed_before_the_language_model_is_there(tmp_path, monkeypatch, device):
    scripted_cuda.install(monkeypatch)
    for module in (arena_engine, tts_engine):
        monkeypatch.setattr(module, "best_device", lambda: torch.device(device))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (2**34, 2**35))
    order = []

    def noted(name, work):
        def wrapped(self, *arguments, **options):
            order.append(name)
            return work(self, *arguments, **options)

        return wrapped

    monkeypatch.setattr(Vocoder, "speech", noted("speech", Vocoder.speech))
    monkeypatch.setattr(Arena, "read", noted("read", Arena.read))
    engine = step_audio_editx(EngineSettings(models_dir=voice_checkpoint(tmp_path)))
    assert order == ["read", "read", *["speech"] * (device == "cuda"), "read"]
    engine.close()
