"""HiFT: mel frames to a waveform, by a harmonic source and an inverse Fourier transform."""

from itertools import accumulate, pairwise
from operator import mul

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from greenroom_speech.engines.step_audio.vocoder.f0_predictor import F0Predictor
from greenroom_speech.engines.step_audio.vocoder.harmonic_source import HarmonicSource
from greenroom_speech.engines.step_audio.vocoder.residual_block import ResidualBlock
from greenroom_speech.engines.step_audio.vocoder.sizes import HiftSizes

_LOUDEST = 100.0
"""Bound of a magnitude in the spectrum."""


class Hift(nn.Module):
    """``hift.pt`` with its weight norm folded: 246 tensors."""

    def __init__(self, sizes: HiftSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.m_source = HarmonicSource(sizes)
        self.f0_predictor = F0Predictor(sizes.f0_predictor)
        self.conv_pre = nn.Conv1d(sizes.in_channels, sizes.base_channels, 7, padding=3)
        rates = sizes.upsample_rates
        channels = [sizes.base_channels >> stage for stage in range(len(rates) + 1)]
        self.ups = nn.ModuleList(
            nn.ConvTranspose1d(inputs, width, kernel, rate, padding=(kernel - rate) // 2)
            for (inputs, width), kernel, rate in zip(
                pairwise(channels), sizes.upsample_kernel_sizes, rates, strict=True
            )
        )
        strides = [1, *accumulate(reversed(rates[1:]), mul)][::-1]
        bins = sizes.istft_params.n_fft + 2
        self.source_downs = nn.ModuleList(
            _down(bins, width, stride) for width, stride in zip(channels[1:], strides, strict=True)
        )
        self.source_resblocks = nn.ModuleList(
            ResidualBlock(width, kernel, dilations)
            for width, kernel, dilations in zip(
                channels[1:],
                sizes.source_resblock_kernel_sizes,
                sizes.source_resblock_dilation_sizes,
                strict=True,
            )
        )
        self.resblocks = nn.ModuleList(
            ResidualBlock(width, kernel, dilations)
            for width in channels[1:]
            for kernel, dilations in zip(
                sizes.resblock_kernel_sizes, sizes.resblock_dilation_sizes, strict=True
            )
        )
        self.conv_post = nn.Conv1d(channels[-1], bins, 7, padding=3)

    def source(self, mel: Tensor, noise: Tensor) -> Tensor:
        """The excitation (samples,) of mel (channels, frames).

        ``noise`` are normal draws (samples, harmonics), as ``m_source.draw`` makes them.
        """
        source: Tensor = self.m_source(self.f0_predictor(mel[None])[0], noise)
        return source

    def forward(self, mel: Tensor, source: Tensor) -> Tensor:
        """The waveform (samples,) of mel (channels, frames) and its excitation (samples,)."""
        spectrum = self.decoded(mel, self.source_spectrum(source))
        bins = len(spectrum) // 2
        magnitude = spectrum[:bins].exp().clamp_(max=_LOUDEST)
        complex_spectrum = torch.polar(magnitude, spectrum[bins:].sin())
        size, hop = self.sizes.istft_params.n_fft, self.sizes.istft_params.hop_len
        wave = torch.istft(complex_spectrum, size, hop, window=_window(size, magnitude))
        return wave.clamp_(-self.sizes.audio_limit, self.sizes.audio_limit)

    def source_spectrum(self, source: Tensor) -> Tensor:
        """Real, then imaginary parts (2 * bins, frames) of the excitation."""
        size, hop = self.sizes.istft_params.n_fft, self.sizes.istft_params.hop_len
        window = _window(size, source)
        spectrum = torch.stft(source, size, hop, window=window, return_complex=True)
        return torch.cat([spectrum.real, spectrum.imag])

    def decoded(self, mel: Tensor, source: Tensor) -> Tensor:
        """The logarithm of the magnitudes, then the phases before their sine."""
        x, excitation = self.conv_pre(mel[None]), source[None]
        kinds = len(self.resblocks) // len(self.ups)
        for stage, up in enumerate(self.ups):
            x = up(F.leaky_relu(x, self.sizes.lrelu_slope, inplace=True))
            if stage == len(self.ups) - 1:
                x = F.pad(x, (1, 0), mode="reflect")
            x = x + self.source_resblocks[stage](self.source_downs[stage](excitation))
            blocks = self.resblocks[stage * kinds : (stage + 1) * kinds]
            x = torch.stack([block(x) for block in blocks]).mean(0)
        spectrum: Tensor = self.conv_post(F.leaky_relu(x, inplace=True))
        return spectrum[0]


def _window(size: int, like: Tensor) -> Tensor:
    return torch.hann_window(size, device=like.device, dtype=like.dtype)


def _down(bins: int, width: int, stride: int) -> nn.Conv1d:
    if stride == 1:
        return nn.Conv1d(bins, width, 1)
    return nn.Conv1d(bins, width, 2 * stride, stride, padding=stride // 2)
