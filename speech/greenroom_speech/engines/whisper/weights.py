"""Finding and reading a Whisper checkpoint: tensors and numbers, never code."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from torch import Tensor
from whisper.model import ModelDimensions

from greenroom.errors import SetupError
from greenroom.managed.arena import torch_file
from greenroom_speech.checkpoints.releases import whisper
from greenroom_speech.settings import EngineSettings

MULTILINGUAL = 51_865
"""The smallest vocabulary with languages; each language more is a token more."""
VOCABULARIES = range(MULTILINGUAL - 1, MULTILINGUAL + 2)
"""English only, 99 languages, 100 languages."""
MEL_BANDS = (80, 128)
AUDIO_POSITIONS = 1500
"""Of the encoder: 30 s; the features of a window are always that long."""
TEXT_POSITIONS = 448


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint's sizes and weights; the latter are pages of the file until they are read."""

    identity: str
    """Tells it from other files, and from itself when it was written anew."""
    dims: ModelDimensions
    state: Mapping[str, Tensor]


def located(settings: EngineSettings) -> Path:
    """The file of the configured model; SetupError says how to get it if it is missing."""
    release = whisper(settings.whisper_model)
    path = settings.models / release.locations()[0]
    if path.is_file():
        return path
    remedy = (
        f"`greenroom pull whisper --whisper-model {settings.whisper_model}` fetches it"
        if release.urls
        else "GREENROOM_WHISPER_MODEL must name a file or one of OpenAI's models"
    )
    raise SetupError(f"Whisper checkpoint {path} is missing; {remedy}.")


def read(path: Path) -> Checkpoint:
    """Read a ``.pt`` file as OpenAI writes them: ``dims`` and ``model_state_dict``.

    SetupError names what is wrong with it.
    """
    content = torch_file.read(path)
    if not isinstance(content, dict) or not {"dims", "model_state_dict"} <= content.keys():
        raise SetupError(f"Whisper checkpoint {path} must hold dims and model_state_dict.")
    identity = f"{path} {path.stat().st_mtime_ns}"
    return Checkpoint(identity, _dims(path, content["dims"]), content["model_state_dict"])


def _dims(path: Path, given: object) -> ModelDimensions:
    names = {field.name for field in fields(ModelDimensions)}
    if not isinstance(given, dict) or given.keys() != names:
        raise SetupError(f"dims of Whisper checkpoint {path} must be {', '.join(sorted(names))}.")
    for name, value in given.items():
        if not isinstance(value, int) or value < 1:
            raise SetupError(f"{name} of Whisper checkpoint {path} is {value!r}; it must be > 0.")
    dims = ModelDimensions(**given)
    _check(path, "n_vocab", dims.n_vocab, VOCABULARIES)
    _check(path, "n_mels", dims.n_mels, MEL_BANDS)
    _check(path, "n_audio_ctx", dims.n_audio_ctx, (AUDIO_POSITIONS,))
    _check(path, "n_text_ctx", dims.n_text_ctx, (TEXT_POSITIONS,))
    return dims


def _check(path: Path, name: str, value: int, allowed: "range | tuple[int, ...]") -> None:
    if value not in allowed:
        known = " or ".join(str(one) for one in allowed)
        raise SetupError(f"{name} of Whisper checkpoint {path} is {value}; it must be {known}.")
