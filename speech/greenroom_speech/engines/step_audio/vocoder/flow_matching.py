"""From noise to mel frames: Euler steps along the estimator's velocity, with guidance."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from greenroom_speech.engines.step_audio.vocoder.estimator import Estimator, EstimatorMemory
from greenroom_speech.engines.step_audio.vocoder.sizes import FlowSizes


@dataclass
class DecoderMemory:
    """What the decoder keeps from chunk to chunk of a stream: one memory per Euler step."""

    steps: list[EstimatorMemory]

    @property
    def frames(self) -> int:
        """How many frames attention remembers."""
        return max((b.attention.frames for b in self.steps[0].blocks.values()), default=0)

    def keep_ends(self, first: int, last: int) -> None:
        """Keep the newest ``first`` frames and the ``last`` ones, which are the prompt's."""
        for step in self.steps:
            for block in step.blocks.values():
                block.attention.keep_ends(first, last)


class FlowMatching(nn.Module):
    """Conditional flow matching with classifier-free guidance."""

    def __init__(self, sizes: FlowSizes) -> None:
        super().__init__()
        self.guidance = sizes.inference_cfg_rate
        self.times = cosine_times(sizes.n_timesteps)
        self.estimator = Estimator(sizes.estimator)

    def memory(self) -> DecoderMemory:
        """For a new stream: one for each Euler step."""
        return DecoderMemory([EstimatorMemory() for _ in self.times[1:]])

    def forward(
        self,
        noise: Tensor,
        mu: Tensor,
        speaker: Tensor,
        cond: Tensor,
        memory: DecoderMemory | None = None,
    ) -> Tensor:
        """Mel frames (frames, channels).

        ``noise``, ``mu`` and ``cond`` are (frames, channels), ``speaker`` (channels,).
        Conditioned and free velocity are computed as a batch of two.
        """
        starts = torch.tensor(self.times[:-1], device=mu.device)
        modulations = self.estimator.modulations(starts)
        condition = self.estimator.condition(*(_or_nothing(c) for c in (mu, speaker, cond)))
        x = noise[None]
        for step, modulation in enumerate(modulations):
            kept = memory.steps[step] if memory is not None else None
            guided, free = self.estimator(x, condition, modulation, memory=kept)
            velocity = (1 + self.guidance) * guided - self.guidance * free
            x = x + (self.times[step + 1] - self.times[step]) * velocity
        return x[0]


def cosine_times(steps: int) -> list[float]:
    """The steps + 1 times from 0 to 1, dense at the start."""
    return [1 - math.cos(math.pi / 2 * k / steps) for k in range(steps + 1)]


def _or_nothing(condition: Tensor) -> Tensor:
    return torch.stack([condition, torch.zeros_like(condition)])
