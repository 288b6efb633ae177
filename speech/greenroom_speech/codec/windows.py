"""Blocks of any size and rate become windows of one rate."""

from collections.abc import Iterator

import av
import numpy as np

from greenroom_speech.codec.recording import Samples
from greenroom_speech.codec.sources import Block


def windows(blocks: Iterator[Block], rate: int, size: int) -> Iterator[Samples]:
    """Mono windows of `size` samples at `rate` in Hz, the last one shorter.

    A window is good until the next one is asked for: all of them lie in the same memory.
    """
    window, filled = np.empty(size, np.float32), 0
    for samples in _at_rate(blocks, rate):
        begin = 0
        while begin < len(samples):
            taken = min(len(samples) - begin, size - filled)
            window[filled : filled + taken] = samples[begin : begin + taken]
            begin, filled = begin + taken, filled + taken
            if filled == size:
                yield window
                filled = 0
    if filled:
        yield window[:filled]


def _at_rate(blocks: Iterator[Block], rate: int) -> Iterator[Samples]:
    resampler, of = None, rate
    for samples, now in blocks:
        if now != of:
            if resampler:
                yield from _resampled(resampler, None)
            resampler = av.AudioResampler("fltp", "mono", rate) if now != rate else None
            of = now
        if resampler is None:
            yield samples
        else:
            frame = av.AudioFrame.from_ndarray(samples[None, :], format="fltp", layout="mono")
            frame.sample_rate = now
            yield from _resampled(resampler, frame)
    if resampler:
        yield from _resampled(resampler, None)


def _resampled(resampler: av.AudioResampler, frame: av.AudioFrame | None) -> Iterator[Samples]:
    for made in resampler.resample(frame):
        yield made.to_ndarray()[0]
