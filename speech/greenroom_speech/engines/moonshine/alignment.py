"""When each word of a known line was said: PocketSphinx finds the words that it is told."""

from collections.abc import Sequence

import numpy as np
from pocketsphinx import Decoder

from greenroom_speech.engines.audio_input import Samples
from greenroom_speech.engines.embedded.sphinx import RATE, decode, decoded_words
from greenroom_speech.engines.moonshine.pronunciation import known
from greenroom_speech.engines.times import Timed, spread

MARGIN = 0.25
"""Seconds around a line: its borders are those of a detector of speech."""


class Aligner:
    """Takes a hundredth of a recording's duration."""

    def __init__(self) -> None:
        self._decoder = Decoder(samprate=RATE, lm=None, loglevel="FATAL")

    def align(self, samples: Samples, text: str, start: float, end: float) -> list[Timed]:
        """The words of a line that was said between two times, in samples at 16 kHz.

        What cannot be found shares, by its length, the time that the words around it leave.
        """
        words = [f" {word}" for word in text.split()]
        parts = [known(self._decoder, word) for word in words]
        begin = max(0.0, start - MARGIN)
        part = samples[int(begin * RATE) : int((end + MARGIN) * RATE)]
        found = self._found(part, [name for names in parts for name in names], begin)
        if found is None:
            return spread(words, start, end)
        times: list[Timed | None] = []
        for word, names in zip(words, parts, strict=True):
            own, found = found[: len(names)], found[len(names) :]
            times.append(Timed(word, own[0].start, own[-1].end) if own else None)
        return list(_filled(words, times, start, end))

    def _found(self, samples: Samples, names: Sequence[str], offset: float) -> list[Timed] | None:
        """None where the words do not fit the sound."""
        if not names or not np.any(samples):
            return None
        self._decoder.set_align_text(" ".join(names))
        decode(self._decoder, samples)
        found = decoded_words(self._decoder, offset)
        return found if len(found) == len(names) else None


def _filled(
    words: Sequence[str], times: Sequence[Timed | None], start: float, end: float
) -> list[Timed]:
    """The words, those without times between their neighbours."""
    filled: list[Timed] = []
    lacking: list[str] = []
    for word, timed in zip(words, times, strict=True):
        if timed is None:
            lacking.append(word)
            continue
        if lacking:
            filled += spread(
                lacking, filled[-1].end if filled else min(start, timed.start), timed.start
            )
            lacking = []
        filled.append(timed)
    if lacking:
        last = filled[-1].end
        filled += spread(lacking, last, max(end, last))
    return filled
