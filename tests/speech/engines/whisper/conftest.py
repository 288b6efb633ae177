"""A tiny Whisper checkpoint, made once."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from tiny_checkpoints import tiny_whisper
from whisper.model import Whisper

from greenroom_speech.engines.whisper.engine import WhisperAsr
from greenroom_speech.settings import EngineSettings


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Small tensors: more threads only wait for one another."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def network() -> Whisper:
    return tiny_whisper.network()


@pytest.fixture(scope="session")
def english_network() -> Whisper:
    return tiny_whisper.network(tiny_whisper.ENGLISH_ONLY)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory, network: Whisper) -> Path:
    """Return a models folder with the tiny checkpoint as `whisper/tiny.pt`."""
    folder = tmp_path_factory.mktemp("models")
    tiny_whisper.write(folder / "whisper" / "tiny.pt", network)
    return folder


@pytest.fixture
def whisper_engine(models: Path) -> Iterator[Callable[..., WhisperAsr]]:
    """Return a maker of engines with the tiny checkpoint."""
    made: list[WhisperAsr] = []

    def make(**changes) -> WhisperAsr:
        settings = {"models_dir": models, "whisper_model": "tiny", "asr_device": "cpu"}
        made.append(WhisperAsr(EngineSettings(**settings | changes)))
        return made[-1]

    yield make
    for engine in made:
        engine.close()
