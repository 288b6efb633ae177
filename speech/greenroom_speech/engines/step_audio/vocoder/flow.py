"""The flow: pairs of codes and a voice to mel frames."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from greenroom_speech.engines.step_audio.vocoder.conformer import ConformerEncoder
from greenroom_speech.engines.step_audio.vocoder.flow_matching import FlowMatching
from greenroom_speech.engines.step_audio.vocoder.noise import Noise
from greenroom_speech.engines.step_audio.vocoder.pieces_of_work import Work, finished
from greenroom_speech.engines.step_audio.vocoder.sizes import FlowSizes


@dataclass(frozen=True)
class VoicePrompt:
    """The prompt as the flow takes it."""

    pairs: Tensor
    """int64 (n, 2), 25 Hz."""
    mel: Tensor
    """float (frames, channels), about 50 Hz."""
    embedding: Tensor
    """float (192,)."""


class Flow(nn.Module):
    """``flow.pt``: mel frames at twice the rate of the pairs."""

    def __init__(self, sizes: FlowSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.input_embedding = nn.ModuleDict(
            {"embedding": nn.Embedding(sizes.vocab_size, sizes.input_size // 2)}
        )
        self.spk_embed_affine_layer = nn.Linear(sizes.spk_embed_dim, sizes.output_size)
        self.encoder = ConformerEncoder(sizes.encoder)
        self.encoder_proj = nn.Linear(sizes.encoder.output_size, sizes.output_size)
        self.decoder = FlowMatching(sizes)

    def forward(self, pairs: Tensor, voice: VoicePrompt, noise: Noise) -> Tensor:
        """As ``utterance``, at once."""
        return finished(self.utterance(pairs, voice, noise))

    def utterance(self, pairs: Tensor, voice: VoicePrompt, noise: Noise) -> Work:
        """Mel frames (2n, channels), 50 Hz, of a whole utterance of n pairs (n, 2)."""
        prompt = self.prompt_mel(voice)
        mu = self.encoder_proj(self.encoder(self.embedded(torch.cat([voice.pairs, pairs]))))
        yield
        cond = F.pad(prompt, (0, 0, 0, len(mu) - len(prompt)))
        start = noise.frames(0, len(mu)).to(mu)
        mel = yield from self.decoder.steps(start, mu, self.speaker(voice), cond)
        return mel[len(prompt) :]

    def embedded(self, pairs: Tensor) -> Tensor:
        """Both codes' embeddings side by side, (n, input size)."""
        embedded: Tensor = self.input_embedding["embedding"](pairs)
        return embedded.flatten(1)

    def prompt_mel(self, voice: VoicePrompt) -> Tensor:
        """The prompt's mel frames, stretched to exactly two per pair, (2n, channels)."""
        frames = self.sizes.encoder.up_stride * len(voice.pairs)
        return F.interpolate(voice.mel.T[None], size=frames, mode="nearest")[0].T

    def speaker(self, voice: VoicePrompt) -> Tensor:
        """Shape (channels,); the embedding is brought to length 1 first."""
        channels: Tensor = self.spk_embed_affine_layer(F.normalize(voice.embedding, dim=0))
        return channels
