"""The excitation: sines at the pitch and its harmonics, noise where nothing is voiced."""

import math

import torch
from torch import Tensor, nn

from greenroom_speech.engines.step_audio.vocoder.sizes import HiftSizes


class HarmonicSource(nn.Module):
    """Neural source filter's source (Wang et al. 2019), with phases that run smoothly over frames.

    Upstream draws an initial phase per harmonic too; it is interpolated away and changes nothing.
    """

    def __init__(self, sizes: HiftSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.harmonics = sizes.nb_harmonics + 1
        self.l_linear = nn.Linear(self.harmonics, 1)

    def draw(self, frames: int, generator: torch.Generator) -> Tensor:
        """Normal draws (samples, harmonics) for so many mel frames, on the generator's device."""
        shape = (frames * self.sizes.frame_samples, self.harmonics)
        return torch.randn(shape, generator=generator, device=generator.device)

    def forward(self, f0: Tensor, noise: Tensor) -> Tensor:
        """Shape (samples,), for Hz (frames,) and normal draws (samples, harmonics)."""
        sizes = self.sizes
        voiced = (f0 > sizes.nsf_voiced_threshold).to(f0).repeat_interleave(sizes.frame_samples)
        loudness = sizes.nsf_sigma * voiced + sizes.nsf_alpha / 3 * (1 - voiced)
        waves = self._sines(f0).mul_((sizes.nsf_alpha * voiced)[:, None])
        mixed: Tensor = self.l_linear(waves.addcmul_(loudness[:, None], noise.to(f0)))
        return mixed.squeeze(1).tanh()

    def _sines(self, f0: Tensor) -> Tensor:
        """Shape (samples, harmonics): each frame's middle has its phase, lines lie between.

        Phases are kept in cycles modulo 1 in double precision: long utterances stay in tune.
        """
        samples = self.sizes.frame_samples
        order = torch.arange(1, self.harmonics + 1, device=f0.device, dtype=f0.dtype)
        cycles = (f0[:, None] * order / self.sizes.sampling_rate % 1).double() * samples
        middle = (cycles.cumsum(0) % 1).to(f0)
        step = torch.cat([cycles[1:], torch.zeros_like(cycles[:1])]).to(f0)
        first, steps = torch.cat([middle[:1], middle]), torch.cat([step[-1:], step])
        way = (torch.arange(samples, device=f0.device, dtype=f0.dtype) + 0.5) / samples
        phases = torch.addcmul(first[:, None], steps[:, None], way[None, :, None])
        half = samples // 2
        phases = phases.view(-1, self.harmonics)[half : half + len(f0) * samples]
        return phases.mul(2 * math.pi).sin_()
