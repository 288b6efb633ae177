"""Measurements of base voices kept on disk, so that only the first load takes them.

Anything here may be lost or broken at any time; then it is measured again.
"""

import os
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from platformdirs import user_cache_path

from greenroom.managed.result_cache import digest
from greenroom_speech.engines.embedded.base_analysis import Frames
from greenroom_speech.engines.embedded.base_voice import BaseVoice

VERSION = "1"
"""To be raised with every change of what is measured or how."""


class BaseStore:
    """A folder of measurements, one file per voice and base text."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = (folder or user_cache_path("greenroom")) / "base_voices"

    def get(self, voice: BaseVoice, text: str, measure: Callable[[], Frames]) -> Frames:
        """The kept measurement of a voice saying a text, measured where there is none."""
        key = digest(VERSION, voice.synthesizer, voice.name, text).hex()
        path = self._folder / f"{key}.npz"
        frames = _read(path)
        if frames is None:
            frames = measure()
            _write(path, frames)
        return frames


def _read(path: Path) -> Frames | None:
    try:
        with np.load(path, allow_pickle=False) as kept:
            return Frames(kept["kinds"], kept["f0"], kept["codes"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _write(path: Path, frames: Frames) -> None:
    """Put the whole file in place at once; a full or read-only disk costs only time later."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent)
    except OSError:
        return
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, kinds=frames.kinds, f0=frames.f0, codes=frames.codes)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
