"""The task ``style``: of all styles the embedded engine can only whisper."""

from dataclasses import replace

import numpy as np

from greenroom.errors import InvalidInput
from greenroom_speech.engines.embedded import world
from greenroom_speech.engines.embedded.world import Floats


def check_style(info: str) -> None:
    """Raises InvalidInput for a style other than whisper."""
    if info != "whisper":
        raise InvalidInput(
            f"TASK_INFO of 'style' is {info[:40]!r}; with the embedded engine it must be whisper."
        )


def whispered(samples: Floats) -> Floats:
    """24 kHz speech without any voice in it: noise through the same formants."""
    frames = world.analyse(samples)
    breath = replace(
        frames,
        f0=np.zeros_like(frames.f0),
        envelope=frames.envelope * _without_hum(),
        aperiodicity=np.ones_like(frames.aperiodicity),
    )
    return world.synthesise(breath)


def _without_hum() -> Floats:
    """Power gains (513,) that fall by 24 dB from 800 Hz down: a whisper has no low tones."""
    hertz = np.linspace(0, world.RATE / 2, world.BINS)
    gains: Floats = 10 ** (-2.4 * np.clip(1 - hertz / 800, 0, 1))
    return gains
