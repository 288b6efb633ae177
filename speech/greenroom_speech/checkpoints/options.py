"""Choices of the server-side verbs; cheap to import, because every verb passes through here."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer


class Releases(StrEnum):
    """Which releases to fetch."""

    ALL = "all"
    KOKORO = "kokoro"
    STEP_AUDIO = "step-audio"
    STEP_AUDIO_AWQ = "step-audio-awq"
    STEP_AUDIO_EDITX = "step-audio-editx"
    STEP_AUDIO_TOKENIZER = "step-audio-tokenizer"
    WHISPER = "whisper"


class Hub(StrEnum):
    """Where to fetch them from."""

    AUTO = "auto"
    HUGGING_FACE = "huggingface"
    MODELSCOPE = "modelscope"


Models: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--models",
        metavar="DIR",
        file_okay=False,
        help="Folder of the checkpoints. If not given, GREENROOM_MODELS_DIR.",
    ),
]
WhisperModel: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--whisper-model",
        metavar="NAME",
        help="Name of the Whisper model, such as large-v3-turbo. If not given, "
        "GREENROOM_WHISPER_MODEL.",
    ),
]
