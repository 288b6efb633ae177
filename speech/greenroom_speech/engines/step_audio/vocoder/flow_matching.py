"""From noise to mel frames: Euler steps along the estimator's velocity, with guidance."""

import math

import torch
from torch import Tensor, nn

from greenroom_speech.engines.step_audio.vocoder.attention_memory import AttentionWindow
from greenroom_speech.engines.step_audio.vocoder.estimator import Estimator
from greenroom_speech.engines.step_audio.vocoder.estimator_block import BlockMemory
from greenroom_speech.engines.step_audio.vocoder.pieces_of_work import Work, finished
from greenroom_speech.engines.step_audio.vocoder.sizes import FlowSizes


class DecoderMemory:
    """What the decoder keeps from chunk to chunk of a stream: for each Euler step, each block's."""

    def __init__(self, states: Tensor, kept: int) -> None:
        """``states`` has the shape that `FlowSizes.memory_shape` tells, of any content.

        ``kept`` is how many of the newest frames are remembered beside the prompt's.
        """
        self.steps = [[BlockMemory(AttentionWindow(block, kept)) for block in s] for s in states]
        self._set_up: list[dict[nn.Module, Tensor]] = []

    @property
    def frames(self) -> int:
        """How many frames attention remembers."""
        return self.steps[0][0].attention.frames

    def keep_set_up(self) -> None:
        """Make what is remembered now what ``rewind`` comes back to."""
        self._set_up = [dict(block.convolutions) for step in self.steps for block in step]

    def rewind(self) -> None:
        """Forget all that came after the set-up."""
        blocks = [block for step in self.steps for block in step]
        for block, convolutions in zip(blocks, self._set_up, strict=True):
            block.attention.rewind()
            block.convolutions = dict(convolutions)


class FlowMatching(nn.Module):
    """Conditional flow matching with classifier-free guidance."""

    def __init__(self, sizes: FlowSizes) -> None:
        super().__init__()
        self.sizes = sizes.estimator
        self.guidance = sizes.inference_cfg_rate
        self.times = cosine_times(sizes.n_timesteps)
        self.estimator = Estimator(sizes.estimator)

    def forward(self, noise: Tensor, mu: Tensor, speaker: Tensor, cond: Tensor) -> Tensor:
        """As ``steps``, at once."""
        return finished(self.steps(noise, mu, speaker, cond))

    def steps(
        self,
        noise: Tensor,
        mu: Tensor,
        speaker: Tensor,
        cond: Tensor,
        memory: DecoderMemory | None = None,
    ) -> Work:
        """Mel frames (frames, channels), by one Euler step after another.

        ``noise``, ``mu`` and ``cond`` are (frames, channels), ``speaker`` (channels,).
        Conditioned and free velocity are computed as a batch of two.
        """
        starts = torch.tensor(self.times[:-1], device=mu.device)
        modulations = self.estimator.modulations(starts)
        condition = self.estimator.condition(*(_or_nothing(c) for c in (mu, speaker, cond)))
        x = noise[None]
        for step, modulation in enumerate(modulations):
            if step:
                yield
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
