"""The semantic codes of a whole recording."""

from collections.abc import Callable

import torch
from torch import Tensor

from greenroom.errors import GreenroomError
from greenroom_speech.engines.step_audio.prompt_analysis.log_mel import RATE, log_mel

CODES_A_SECOND = 25
PIECE = 30 * RATE
"""Samples that the network takes at once; pieces do not overlap."""
LEAST = 480
"""A rest of fewer samples is dropped."""
TOLERANCE = 2
"""Codes more or fewer than the length of the recording says."""


def semantic_codes(wave: Tensor, network: Callable[[Tensor], Tensor]) -> Tensor:
    """Codes of a 16 kHz wave (samples,), int64 on the CPU, 25 Hz.

    ``network`` takes a spectrogram (128, frames). GreenroomError when it has another rate.
    """
    pieces = [piece for piece in torch.split(wave, PIECE) if piece.numel() >= LEAST]
    codes = torch.cat([network(log_mel(piece)).cpu() for piece in pieces])
    expected = CODES_A_SECOND * round(wave.numel() / RATE, 2)
    if abs(len(codes) - expected) > TOLERANCE:
        raise GreenroomError(
            f"the semantic tokenizer made {len(codes)} codes of {wave.numel() / RATE:.2f} s; "
            f"it must make {CODES_A_SECOND} a second."
        )
    return codes
