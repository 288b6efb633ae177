"""What PocketSphinx is given, and which words it has decoded when."""

import re

import numpy as np
from pocketsphinx import Decoder

from greenroom_speech.engines.audio_input import Samples
from greenroom_speech.engines.times import Timed

RATE = 16_000
PEAK = 0.7
"""The acoustic model was trained on speech of about this level."""
_FRAMES_PER_SECOND = 100
_FILLER = re.compile(r"<.*>|\[.*\]|\+\+.*\+\+")
_PRONUNCIATION = re.compile(r"\(\d+\)$")


def decode(decoder: Decoder, heard: Samples) -> None:
    """Run a decoder over samples at 16 kHz."""
    loud = heard * (PEAK / max(float(np.max(np.abs(heard))), 1e-9))
    decoder.start_utt()
    decoder.process_raw((loud * 32767).astype(np.int16).tobytes(), full_utt=True)
    decoder.end_utt()


def decoded_words(decoder: Decoder, offset: float = 0.0) -> list[Timed]:
    """The words of the last run, silence left out; `offset` seconds came before it."""
    return [
        Timed(
            " " + _PRONUNCIATION.sub("", part.word),
            offset + part.start_frame / _FRAMES_PER_SECOND,
            offset + (part.end_frame + 1) / _FRAMES_PER_SECOND,
        )
        for part in decoder.seg() or ()
        if not _FILLER.fullmatch(part.word)
    ]
