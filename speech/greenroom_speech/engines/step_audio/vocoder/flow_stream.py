"""The flow chunk by chunk: what is said so far is kept, what comes next is not known."""

import torch
from torch import Tensor

from greenroom_speech.engines.step_audio.vocoder.conformer import EncoderMemory
from greenroom_speech.engines.step_audio.vocoder.flow import Flow, VoicePrompt
from greenroom_speech.engines.step_audio.vocoder.flow_matching import DecoderMemory
from greenroom_speech.engines.step_audio.vocoder.noise import Noise
from greenroom_speech.engines.step_audio.vocoder.pieces_of_work import Work


class FlowStream:
    """Mel frames of one utterance, a chunk of pairs at a time.

    Encoder and decoder see only the past and the lookahead, so the frames differ a little from
    those of the whole utterance. The decoder remembers the prompt and the newest ``kept_frames``
    frames; the encoder remembers everything.
    """

    def __init__(
        self, flow: Flow, voice: VoicePrompt, noise: Noise, states: Tensor, kept_frames: int
    ) -> None:
        """``states`` is where the decoder remembers, as `DecoderMemory` takes it."""
        self._flow, self._voice, self._noise = flow, voice, noise
        self._speaker = flow.speaker(voice)
        prompt = flow.sizes.encoder.up_stride * len(voice.pairs)
        self.is_set_up = False
        self.encoder_memory = self._encoder_set_up = EncoderMemory()
        self.decoder_memory = DecoderMemory(states[..., : prompt + kept_frames, :], kept_frames)

    @property
    def prompt_end(self) -> Tensor:
        """The prompt's last pairs (n, 2), in the place of a lookahead that is not known yet."""
        return self._voice.pairs[-self._flow.sizes.encoder.pre_lookahead_len :]

    def set_up(self, lookahead: Tensor) -> Work:
        """Take the prompt in; ``lookahead`` (n, 2) is what is said after it."""
        prompt = self._flow.prompt_mel(self._voice)
        pairs = torch.cat([self._voice.pairs, lookahead])
        mel = yield from self._run(pairs, prompt, last=False)
        self._encoder_set_up = self.encoder_memory.copy()
        self.decoder_memory.keep_set_up()
        self.is_set_up = True
        return mel

    def rewind(self) -> None:
        """Begin another utterance of the voice after the same set-up."""
        self.encoder_memory = self._encoder_set_up.copy()
        self.decoder_memory.rewind()

    def chunk(self, pairs: Tensor, last: bool) -> Work:
        """Two frames (2n, channels) per pair that is not lookahead.

        ``pairs`` (n + lookahead, 2) end with the lookahead, unless they are the last.
        """
        return self._run(pairs, None, last)

    def _run(self, pairs: Tensor, cond: Tensor | None, last: bool) -> Work:
        flow, memory = self._flow, self.decoder_memory
        mu = flow.encoder_proj(flow.encoder(flow.embedded(pairs), self.encoder_memory, last))
        yield
        noise = self._noise.frames(memory.frames, len(mu)).to(mu)
        cond = torch.zeros_like(mu) if cond is None else cond
        mel = yield from flow.decoder.steps(noise, mu, self._speaker, cond, memory)
        return mel
