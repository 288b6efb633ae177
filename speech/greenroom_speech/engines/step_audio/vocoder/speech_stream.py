"""Codes in as the language model says them, waveform out as soon as there is enough."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from greenroom_speech.engines.step_audio.vocoder.flow_stream import FlowStream
from greenroom_speech.engines.step_audio.vocoder.hift import Hift
from greenroom_speech.engines.step_audio.vocoder.pieces_of_work import Work
from greenroom_speech.engines.step_audio.vocoder.sizes import LONGEST_CHUNK
from greenroom_speech.engines.step_audio.vocoder.token_pairs import GROUP, GROUP_PAIRS, token_pairs
from greenroom_speech.engines.step_audio.vocoder.wave_stream import WaveStream


@dataclass(frozen=True)
class Chunking:
    """How a stream is cut. Pairs are 40 ms, frames 20 ms; pairs come in groups of three."""

    pairs: tuple[int, ...] = (15, 24, LONGEST_CHUNK)
    """Pairs of the first chunks; all later ones are as long as the last of these."""
    overlap: int = 8
    """Mel frames in which the waveforms of two chunks fade into each other."""


class SpeechStream:
    """One utterance in one voice.

    After the first group of codes the voice is set up; from then on a chunk is made whenever its
    codes and the lookahead's are there.
    """

    def __init__(
        self,
        flow: FlowStream,
        hift: Hift,
        generator: torch.Generator,
        chunking: Chunking = Chunking(),
        shared: bool = False,
    ) -> None:
        """``shared``: the set-up is that of all utterances of the voice, and may be done already.

        Its lookahead is the prompt's own end then, so it begins before a code is there.
        """
        self._flow, self._chunking, self._shared = flow, chunking, shared
        self._waves = WaveStream(hift, chunking.overlap, generator)
        self._lookahead = len(flow.prompt_end) // GROUP_PAIRS * GROUP
        self._codes: list[int] = []
        self._chunks = 0
        self._work: Generator[None, None, Tensor | None] | None = None
        self._last = False
        self.making = False
        """A chunk is in work: no more codes are needed for it."""
        self.done = False
        """All has been made."""

    def push(self, codes: Sequence[int], last: bool = False) -> None:
        """Take more of the utterance.

        However codes are grouped into pushes, the chunks are the same. An utterance shorter than
        the set-up (upstream drops it) is heard too; one without a code gives nothing.
        """
        self._codes += codes
        self._last = last

    def cut(self) -> None:
        """End soon: of what has been pushed only the next few codes are still said."""
        del self._codes[self._lookahead :]

    @property
    def ready(self) -> bool:
        """There is something to do with the codes that are there."""
        return self._work is not None or self._next() is not None

    @torch.inference_mode()
    def advance(self) -> Tensor | None:
        """Do one piece of work; the chunk (samples,) that it has finished, if it has."""
        self._work = self._work or self._next()
        if self._work is None:
            return None
        try:
            next(self._work)
        except StopIteration as end:
            self._work = None
            chunk: Tensor | None = end.value
            return chunk
        return None

    def _next(self) -> Generator[None, None, Tensor | None] | None:
        """What can be done with the codes that are there."""
        # The last chunk is not cut off just before the end: the last code belongs to it.
        ready = len(self._codes) - (1 if self._last else 0)
        ends = self._last and bool(self._codes)
        if not self._flow.is_set_up:
            if self._shared or ready >= self._lookahead or ends:
                return self._set_up()
        elif ready >= self._chunk_codes + self._lookahead:
            return self._chunk(self._chunk_codes, self._chunk_codes + self._lookahead, last=False)
        elif ends:
            return self._chunk(len(self._codes), len(self._codes), last=True)
        self.done = self._last and not self._codes
        return None

    def _set_up(self) -> Generator[None, None, None]:
        if self._shared:
            yield from self._flow.set_up(self._flow.prompt_end)
        else:
            yield from self._flow.set_up(self._pairs(self._codes[: self._lookahead]))

    def _chunk(self, used: int, needed: int, last: bool) -> Work:
        codes = self._codes[:needed]
        del self._codes[:used]
        self._chunks += 1
        self.making = True
        mel = yield from self._flow.chunk(self._pairs(codes), last)
        yield
        self.making, self.done = False, last
        return self._waves.chunk(mel.T, last)

    @property
    def _chunk_codes(self) -> int:
        sizes = self._chunking.pairs
        return sizes[min(self._chunks, len(sizes) - 1)] // GROUP_PAIRS * GROUP

    def _pairs(self, codes: Sequence[int]) -> Tensor:
        return token_pairs(codes).to(self._flow.prompt_end.device)
