"""The whole vocoder: audio codes and a voice to a waveform."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from greenroom.managed.arena import Arena
from greenroom.managed.arena.meta_init import unfilled
from greenroom_speech.engines.step_audio.vocoder.flow import Flow, VoicePrompt
from greenroom_speech.engines.step_audio.vocoder.flow_stream import FlowStream
from greenroom_speech.engines.step_audio.vocoder.hift import Hift
from greenroom_speech.engines.step_audio.vocoder.noise import Noise
from greenroom_speech.engines.step_audio.vocoder.pieces_of_work import Work, finished
from greenroom_speech.engines.step_audio.vocoder.sizes import VocoderSizes
from greenroom_speech.engines.step_audio.vocoder.speech_stream import Chunking, SpeechStream
from greenroom_speech.engines.step_audio.vocoder.token_pairs import token_pairs
from greenroom_speech.engines.step_audio.vocoder.weights import hift_state

CHUNKING = Chunking()
NOISE_SEED = 0
"""Of the flow's noise; that of the released service is not known."""


class Vocoder:
    """Flow and HiFT together.

    The modules are made without weights; they get them by ``read`` from the arena that holds them.
    """

    def __init__(self, sizes: VocoderSizes) -> None:
        with unfilled():
            self.flow = Flow(sizes.flow).eval().requires_grad_(False)
            self.hift = Hift(sizes.hift).eval().requires_grad_(False)
        self.noise = Noise(sizes.flow.output_size, NOISE_SEED)
        self.rate = sizes.hift.sampling_rate

    @property
    def modules(self) -> list[nn.Module]:
        """The modules that belong in an arena."""
        return [self.flow, self.hift]

    def read(self, arena: Arena, flow: Path, hift: Path) -> None:
        """Fill the modules from ``flow.pt`` and ``hift.pt``; SetupError says what does not fit."""
        arena.read(self.flow, flow)
        arena.read(self.hift, hift_state(hift, self.hift))

    def voice(self, codes: Sequence[int], features: Tensor, embedding: Tensor) -> VoicePrompt:
        """A prompt on the vocoder's device.

        ``codes`` are the prompt's audio codes, ``features`` its mel frames (frames, 80) and
        ``embedding`` its speaker (192,).
        """
        like = self.flow.encoder_proj.weight
        pairs = token_pairs(codes).to(like.device)
        return VoicePrompt(pairs, features.to(like), embedding.to(like))

    @torch.inference_mode()
    def speech(self, codes: Sequence[int], voice: VoicePrompt, seed: int) -> Tensor:
        """As ``utterance``, at once."""
        return finished(self.utterance(codes, voice, seed))

    def utterance(self, codes: Sequence[int], voice: VoicePrompt, seed: int) -> Work:
        """The waveform (samples,) of a whole utterance; the same seed gives the same.

        InvalidInput for a code that is none. At least one code is needed.
        """
        pairs = token_pairs(codes).to(voice.pairs.device)
        mel = (yield from self.flow.utterance(pairs, voice, self.noise)).T
        yield
        noise = self.hift.m_source.draw(mel.shape[1], _generator(voice.pairs.device, seed))
        wave: Tensor = self.hift(mel, self.hift.source(mel, noise))
        return wave

    def memory_shape(self, prompt_pairs: int) -> tuple[int, ...]:
        """Of what the flow of one stream remembers, for prompts of at most so many pairs."""
        return self.flow.sizes.memory_shape(prompt_pairs)

    def flow_stream(self, voice: VoicePrompt, states: Tensor) -> FlowStream:
        """For utterances of one voice, one after another; it remembers in ``states``.

        These have the shape that ``memory_shape`` tells, or more frames.
        """
        kept = self.flow.sizes.encoder.up_stride * CHUNKING.pairs[-1]
        return FlowStream(self.flow, voice, self.noise, states, kept)

    def stream(self, flow: FlowStream, seed: int, shared: bool = False) -> SpeechStream:
        """For one utterance, whose codes come bit by bit; ``shared`` as `SpeechStream` has it."""
        generator = _generator(flow.prompt_end.device, seed)
        return SpeechStream(flow, self.hift, generator, CHUNKING, shared)


def _generator(device: torch.device, seed: int) -> torch.Generator:
    return torch.Generator(device).manual_seed(seed)
