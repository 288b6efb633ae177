"""The folder of a converted model, which is on this machine: nothing is downloaded."""

from pathlib import Path

from greenroom.errors import SetupError
from greenroom_speech.settings import EngineSettings

FOLDER = "faster-whisper"
"""Below the folder of the checkpoints."""
FILES = ("model.bin", "config.json", "tokenizer.json")
"""Without its own tokenizer, faster-whisper would fetch another one."""


def located(settings: EngineSettings) -> Path:
    """The folder of the configured model. SetupError says what is missing."""
    folder = settings.models / FOLDER / settings.whisper_model
    missing = next((name for name in FILES if not (folder / name).is_file()), None)
    if missing is not None:
        raise SetupError(
            f"{folder / missing} is missing; GREENROOM_WHISPER_MODEL must name a folder in "
            f"{settings.models / FOLDER}, or the path of one, with a model converted for "
            f"CTranslate2 ({', '.join(FILES)}), such as those of Systran/faster-whisper."
        )
    return folder


def identity(folder: Path) -> str:
    """Tells a model from others, and from itself when it was written anew."""
    return f"{folder} {(folder / 'model.bin').stat().st_mtime_ns}"
