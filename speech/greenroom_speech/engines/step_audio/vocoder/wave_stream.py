"""HiFT chunk by chunk: chunks overlap and fade into each other."""

import torch
from torch import Tensor

from greenroom_speech.engines.step_audio.vocoder.hift import Hift


class WaveStream:
    """The waveform of one utterance, a chunk of mel frames at a time.

    The last ``overlap`` frames of a chunk are made again with the next one; their samples are held
    back, and the next chunk fades in over them.
    """

    def __init__(self, hift: Hift, overlap: int, generator: torch.Generator) -> None:
        self._hift = hift
        self._overlap = overlap
        self._generator = generator
        self._mel: Tensor | None = None
        self._source = self._wave = torch.empty(0)

    def chunk(self, mel: Tensor, last: bool) -> Tensor:
        """The samples (n,) that are finished with these frames (channels, frames)."""
        if self._mel is not None:
            mel = torch.cat([self._mel, mel], dim=1)
        source = self._hift.source(mel, self._hift.m_source.draw(mel.shape[1], self._generator))
        held = self._overlap * self._hift.sizes.frame_samples
        if self._mel is not None:
            source[:held] = self._source
        wave: Tensor = self._hift(mel, source)
        if self._mel is not None:
            wave[:held] = _faded(self._wave, wave[:held])
        if last:
            return wave
        self._mel = mel[:, -self._overlap :].clone()
        self._source, self._wave = source[-held:].clone(), wave[-held:].clone()
        return wave[:-held]


def _faded(out: Tensor, into: Tensor) -> Tensor:
    window = torch.hamming_window(2 * len(out), periodic=False, device=out.device, dtype=out.dtype)
    return into * window[: len(out)] + out * window[len(out) :]
