"""The flow chunk by chunk: what is said so far is kept, what comes next is not known."""

import torch
from torch import Tensor

from greenroom_speech.engines.step_audio.vocoder.conformer import EncoderMemory
from greenroom_speech.engines.step_audio.vocoder.flow import Flow, VoicePrompt
from greenroom_speech.engines.step_audio.vocoder.noise import Noise


class FlowStream:
    """Mel frames of one utterance, a chunk of pairs at a time.

    Encoder and decoder see only the past and the lookahead, so the frames differ a little from
    those of the whole utterance. The decoder remembers the prompt and the newest ``kept_frames``
    frames; the encoder remembers everything.
    """

    def __init__(
        self, flow: Flow, voice: VoicePrompt, lookahead: Tensor, noise: Noise, kept_frames: int
    ) -> None:
        self._flow = flow
        self._noise = noise
        self._kept_frames = kept_frames
        self._speaker = flow.speaker(voice)
        self.encoder_memory = EncoderMemory()
        self.decoder_memory = flow.decoder.memory()
        prompt = flow.prompt_mel(voice)
        self._prompt_frames = len(prompt)
        self._run(torch.cat([voice.pairs, lookahead]), prompt, last=False)

    def chunk(self, pairs: Tensor, last: bool) -> Tensor:
        """Two frames (2n, channels) per pair that is not lookahead.

        ``pairs`` (n + lookahead, 2) end with the lookahead, unless they are the last.
        """
        mel = self._run(pairs, None, last)
        self.decoder_memory.keep_ends(self._kept_frames, self._prompt_frames)
        return mel

    def _run(self, pairs: Tensor, cond: Tensor | None, last: bool) -> Tensor:
        flow = self._flow
        mu = flow.encoder_proj(flow.encoder(flow.embedded(pairs), self.encoder_memory, last))
        noise = self._noise.frames(self.decoder_memory.frames, len(mu)).to(mu)
        cond = torch.zeros_like(mu) if cond is None else cond
        mel: Tensor = flow.decoder(noise, mu, self._speaker, cond, self.decoder_memory)
        return mel
