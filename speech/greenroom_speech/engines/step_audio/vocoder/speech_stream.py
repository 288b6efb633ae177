"""Codes in as the language model says them, waveform out as soon as there is enough."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from greenroom_speech.engines.step_audio.vocoder.flow import Flow, VoicePrompt
from greenroom_speech.engines.step_audio.vocoder.flow_stream import FlowStream
from greenroom_speech.engines.step_audio.vocoder.hift import Hift
from greenroom_speech.engines.step_audio.vocoder.noise import Noise
from greenroom_speech.engines.step_audio.vocoder.token_pairs import GROUP, GROUP_PAIRS, token_pairs
from greenroom_speech.engines.step_audio.vocoder.wave_stream import WaveStream


@dataclass(frozen=True)
class Chunking:
    """How a stream is cut. Pairs are 40 ms, frames 20 ms; pairs come in groups of three."""

    pairs: tuple[int, ...] = (15, 24, 48)
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
        flow: Flow,
        hift: Hift,
        voice: VoicePrompt,
        noise: Noise,
        generator: torch.Generator,
        chunking: Chunking = Chunking(),
    ) -> None:
        self._flow, self._voice, self._noise = flow, voice, noise
        self._waves = WaveStream(hift, chunking.overlap, generator)
        self._chunking = chunking
        self._lookahead = flow.sizes.encoder.pre_lookahead_len // GROUP_PAIRS * GROUP
        self._codes: list[int] = []
        self._chunks = 0
        self._mel: FlowStream | None = None

    @torch.inference_mode()
    def push(self, codes: Sequence[int], last: bool = False) -> Iterator[Tensor]:
        """The chunks (samples,) that are ready with these codes; with ``last``, all.

        However codes are grouped into pushes, the chunks are the same. An utterance shorter than
        the set-up (upstream drops it) is heard too; one without a code gives nothing.
        """
        self._codes += codes
        # The last chunk is not cut off just before the end: the last code belongs to it.
        ready = len(self._codes) - (1 if last else 0)
        if self._mel is None and (ready >= self._lookahead or (last and self._codes)):
            self._mel = self._set_up()
        while self._mel is not None and ready >= self._chunk_codes + self._lookahead:
            needed = self._codes[: self._chunk_codes + self._lookahead]
            del self._codes[: self._chunk_codes]
            ready -= self._chunk_codes
            yield self._wave(self._mel, needed, last=False)
            self._chunks += 1
        if last and self._mel is not None:
            yield self._wave(self._mel, self._codes, last=True)

    @property
    def _chunk_codes(self) -> int:
        sizes = self._chunking.pairs
        return sizes[min(self._chunks, len(sizes) - 1)] // GROUP_PAIRS * GROUP

    def _set_up(self) -> FlowStream:
        lookahead = self._pairs(self._codes[: self._lookahead])
        kept = self._flow.sizes.encoder.up_stride * self._chunking.pairs[-1]
        return FlowStream(self._flow, self._voice, lookahead, self._noise, kept)

    def _wave(self, flow: FlowStream, codes: Sequence[int], last: bool) -> Tensor:
        mel = flow.chunk(self._pairs(codes), last)
        return self._waves.chunk(mel.T, last)

    def _pairs(self, codes: Sequence[int]) -> Tensor:
        return token_pairs(codes).to(self._voice.pairs.device)
