"""The front end of the linguistic codes: Kaldi features, stacked and normalised.

Paraformer's streaming front end takes the wave in steps of 240 ms and keeps at each what the
next one needs. Frames do not depend on how the wave was cut, so they are computed at once; only
the last step has rules of its own, which decide how many frames there are.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from greenroom.errors import SetupError
from greenroom_speech.engines.step_audio.prompt_analysis.kaldi_fbank import (
    BANDS,
    SHIFT,
    fbank,
    frames_of,
    hamming_window,
)

STACK, HOP = 7, 6
"""Fbank frames in one feature frame, and from one to the next: 60 ms."""
COPIES = STACK // 2
"""Copies of the first fbank frame in front of it."""
STEP_FRAMES = 4
STEP_SAMPLES = STEP_FRAMES * HOP * SHIFT
INPUTS = STACK * BANDS
SCALE = 1 << 15
DITHER = 1.0
"""As the encoder was trained: digital silence is noise of one step of a 16-bit sample to it."""

# So every step but the last has exactly STEP_FRAMES complete frames and leaves one fbank frame
# over: the first step's 22 fbank frames and 3 copies are 25, each other's 24 and the one left too.


@dataclass(frozen=True)
class Normalisation:
    """What brings features to zero mean and unit variance: (x + shift) * scale, each (INPUTS,)."""

    shift: Tensor
    scale: Tensor

    @classmethod
    def read(cls, path: Path) -> "Normalisation":
        """Read a Kaldi network of ``<AddShift>`` and ``<Rescale>``; SetupError if it is none."""
        text = path.read_text(encoding="utf-8", errors="replace")
        return cls(_vector(path, text, "AddShift"), _vector(path, text, "Rescale"))


def linguistic_features(
    wave: Tensor, normalisation: Normalisation, dither: float = DITHER
) -> Tensor:
    """Features (frames, 560), 16.67 Hz, of a 16 kHz wave (samples,) in [-1, 1]."""
    frames = feature_frames(wave.numel())
    if frames == 0:
        return torch.empty(0, INPUTS)
    energies = fbank(wave * SCALE, hamming_window(), dither)
    lack = (frames - 1) * HOP + STACK - COPIES - len(energies)
    parts = [energies[:1]] * COPIES + [energies] + [energies[-1:]] * lack
    stacked = torch.cat(parts).unfold(0, STACK, HOP)[:frames]
    features = stacked.transpose(1, 2).reshape(frames, INPUTS)
    return (features + normalisation.shift) * normalisation.scale


def feature_frames(samples: int) -> int:
    """How many feature frames a 16 kHz wave of so many samples gives.

    The last step drops what is left when it is too little: less than one new fbank frame, or
    fewer than a stack together with the one that was left over.
    """
    steps, rest = divmod(samples, STEP_SAMPLES)
    new = frames_of(samples) - frames_of(steps * STEP_SAMPLES) if rest else 0
    waiting = new + (1 if steps else COPIES)
    if new == 0 or waiting < STACK:
        return steps * STEP_FRAMES
    return steps * STEP_FRAMES + -(-(waiting - COPIES) // HOP)


def _vector(path: Path, text: str, name: str) -> Tensor:
    found = re.search(rf"<{name}>[^\[]*\[([^\]]*)\]", text)
    try:
        numbers = [float(word) for word in found[1].split()] if found else []
    except ValueError:
        numbers = []
    if len(numbers) != INPUTS:
        raise SetupError(f"{path} must have a component <{name}> of {INPUTS} numbers.")
    return torch.tensor(numbers)
