"""The task ``style``: of all styles the embedded engine can only whisper."""

from dataclasses import replace

import numpy as np

from greenroom.engines.embedded import world
from greenroom.engines.embedded.world import Floats
from greenroom.errors import InvalidInput


def check_style(info: str) -> None:
    """Raise InvalidInput for a style other than whisper."""
    if info != "whisper":
        raise InvalidInput(
            f"TASK_INFO of 'style' is {info[:40]!r}; with the embedded engine it must be whisper."
        )


def whispered(samples: Floats) -> Floats:
    """Return 24 kHz speech without any voice in it: noise through the same formants."""
    frames = world.analyse(samples)
    breath = replace(
        frames, f0=np.zeros_like(frames.f0), aperiodicity=np.ones_like(frames.aperiodicity)
    )
    return world.synthesise(breath)
