"""Sizes of the vocoder, named as in ``cosyvoice.yaml``; the defaults are the released values."""

from math import prod

from pydantic import BaseModel, ConfigDict

LONGEST_CHUNK = 48
"""Pairs of a stream that are made into sound at once, after the first chunks."""


class Sizes(BaseModel):
    """Base of all sizes: fixed once read; what a file says beyond them is not needed here."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class EncoderSizes(Sizes):
    """The conformer that makes 50 Hz out of 25 Hz."""

    input_size: int = 512
    output_size: int = 512
    pre_lookahead_len: int = 3
    num_blocks: int = 6
    num_up_blocks: int = 4
    up_stride: int = 2
    attention_heads: int = 8
    linear_units: int = 2048
    key_bias: bool = True


class EstimatorSizes(Sizes):
    """The diffusion transformer."""

    in_channels: int = 320
    out_channels: int = 80
    mlp_ratio: float = 4.0
    depth: int = 16
    num_heads: int = 8
    head_dim: int = 64
    hidden_size: int = 512


class FlowSizes(Sizes):
    """``flow.pt``."""

    vocab_size: int = 5121
    input_size: int = 512
    spk_embed_dim: int = 192
    output_size: int = 80
    encoder: EncoderSizes = EncoderSizes()
    estimator: EstimatorSizes = EstimatorSizes()
    inference_cfg_rate: float = 0.7
    n_timesteps: int = 10

    def memory_shape(self, prompt_pairs: int) -> tuple[int, ...]:
        """Of what one stream keeps, for the guided and the free velocity.

        The frames are those of a prompt of so many pairs and of the longest chunk.
        """
        sizes = self.estimator
        frames = self.encoder.up_stride * (prompt_pairs + LONGEST_CHUNK)
        heads, width = sizes.num_heads, sizes.head_dim
        return (self.n_timesteps, sizes.depth, 2, 2, heads, frames, width)


class F0Sizes(Sizes):
    """The pitch predictor."""

    in_channels: int = 80
    cond_channels: int = 512


class IstftSizes(Sizes):
    """The inverse transform at the end of HiFT."""

    n_fft: int = 16
    hop_len: int = 4


class HiftSizes(Sizes):
    """``hift.pt``."""

    in_channels: int = 80
    base_channels: int = 512
    nb_harmonics: int = 8
    sampling_rate: int = 24000
    nsf_alpha: float = 0.1
    nsf_sigma: float = 0.003
    nsf_voiced_threshold: float = 10.0
    upsample_rates: tuple[int, ...] = (8, 5, 3)
    upsample_kernel_sizes: tuple[int, ...] = (16, 11, 7)
    istft_params: IstftSizes = IstftSizes()
    resblock_kernel_sizes: tuple[int, ...] = (3, 7, 11)
    resblock_dilation_sizes: tuple[tuple[int, ...], ...] = ((1, 3, 5),) * 3
    source_resblock_kernel_sizes: tuple[int, ...] = (7, 7, 11)
    source_resblock_dilation_sizes: tuple[tuple[int, ...], ...] = ((1, 3, 5),) * 3
    lrelu_slope: float = 0.1
    audio_limit: float = 0.99
    f0_predictor: F0Sizes = F0Sizes()

    @property
    def frame_samples(self) -> int:
        return prod(self.upsample_rates) * self.istft_params.hop_len


class VocoderSizes(Sizes):
    """Both halves of the vocoder."""

    flow: FlowSizes = FlowSizes()
    hift: HiftSizes = HiftSizes()
