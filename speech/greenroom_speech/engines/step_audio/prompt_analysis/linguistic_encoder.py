"""Paraformer's streaming encoder, run over all of its steps at once.

FunASR goes through a recording step by step and in each step through all layers. What a layer
keeps for later steps depends only on its own input, so the steps of one layer can be computed
together: 30 s of audio are 50 layers instead of 125 times 50.

A step sees 9 rows: the 5 before it, then its 4 new ones. In attention these rows also see the
first 4 rows of each of the 4 steps before.
"""

import importlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from greenroom.errors import SetupError
from greenroom_speech.engines.step_audio.prompt_analysis.interleave import LINGUISTIC_CODES
from greenroom_speech.engines.step_audio.prompt_analysis.linguistic_front_end import (
    INPUTS,
    STEP_FRAMES,
)

BEFORE = 5
LOOK_BACK = 4
ROWS = BEFORE + STEP_FRAMES


class LinguisticEncoder(nn.Module):
    """FunASR's ``SANMEncoderChunkOpt`` and the centres of its output."""

    centres: Tensor

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Build from ``encoder_conf`` of the released config.yaml."""
        super().__init__()
        for name, needed in {"input_layer": "pe_online", "normalize_before": True}.items():
            if settings.get(name) != needed:
                raise SetupError(
                    f"encoder_conf.{name} of the linguistic tokenizer is {settings.get(name)!r}; "
                    f"this engine needs {needed!r}."
                )
        with _only_submodules("funasr"):
            funasr = importlib.import_module("funasr.models.scama.encoder")
        try:
            encoder = funasr.SANMEncoderChunkOpt(**{**settings, "input_size": INPUTS})
        except (TypeError, ValueError, AssertionError) as error:
            raise SetupError(
                f"encoder_conf of the linguistic tokenizer does not fit FunASR's encoder: {error}."
            ) from None
        self.encoder = encoder.eval()
        self.register_buffer("centres", torch.empty(LINGUISTIC_CODES, encoder.output_size()))

    @torch.inference_mode()
    def forward(self, features: Tensor) -> Tensor:
        """Codes (frames,), int64, of features (frames, 560)."""
        distances = torch.cdist(
            self.encode(features), self.centres, compute_mode="donot_use_mm_for_euclid_dist"
        )
        return distances.argmin(1)

    @torch.inference_mode()
    def encode(self, features: Tensor) -> Tensor:
        """Output (frames, width) for features (frames, 560)."""
        frames = len(features)
        scaled = features[None] * self.encoder.output_size() ** 0.5
        placed = self.encoder.embed(scaled)[0]
        steps = -(-frames // STEP_FRAMES)
        padded = functional.pad(placed, (0, 0, BEFORE, steps * STEP_FRAMES - frames))
        rows = padded.unfold(0, ROWS, STEP_FRAMES).transpose(1, 2).contiguous()
        real = torch.ones(steps, ROWS, device=features.device)
        real[-1, BEFORE + frames - (steps - 1) * STEP_FRAMES :] = 0
        seen = torch.cat((_earlier_seen(steps, features.device), real), dim=1)
        for layer in (*self.encoder.encoders0, *self.encoder.encoders):
            rows = _through(layer, rows, real, seen)
        encoded: Tensor = self.encoder.after_norm(rows)
        return encoded[:, BEFORE:].flatten(0, 1)[:frames]


def _through(layer: Any, rows: Tensor, real: Tensor, seen: Tensor) -> Tensor:
    """The output of one layer for all steps (steps, ROWS, width)."""
    attention = layer.self_attn
    query, key, value, flat = attention.forward_qkv(layer.norm1(rows))
    keys = torch.cat((_earlier(key), key), dim=2)
    values = torch.cat((_earlier(value), value), dim=2)
    scores = query * attention.d_k**-0.5 @ keys.transpose(2, 3)
    attended: Tensor = attention.forward_attention(values, scores, seen[:, None])
    attended = attended + attention.forward_fsmn(flat, real)
    # FunASR's first layer has no way around its attention: its width changes.
    rows = rows + attended if layer.in_size == layer.size else attended
    return torch.add(rows, layer.feed_forward(layer.norm2(rows)))


def _earlier(rows: Tensor) -> Tensor:
    """What each step sees of those before it: (steps, heads, 16, width of a head)."""
    steps, heads, _, width = rows.shape
    kept = functional.pad(rows[:, :, :STEP_FRAMES], (0, 0, 0, 0, 0, 0, LOOK_BACK, 0))
    windows = kept.unfold(0, LOOK_BACK, 1)[:steps]
    return windows.permute(0, 1, 4, 2, 3).reshape(steps, heads, LOOK_BACK * STEP_FRAMES, width)


def _earlier_seen(steps: int, device: torch.device) -> Tensor:
    """1 where a step has such a step before it, (steps, 16)."""
    step = torch.arange(steps, device=device)[:, None]
    before = torch.arange(LOOK_BACK, 0, -1, device=device)
    return (step >= before).float().repeat_interleave(STEP_FRAMES, dim=1)


@contextmanager
def _only_submodules(package: str) -> Iterator[None]:
    """Let submodules be imported without the package's own ``__init__``.

    FunASR's imports every module it has, 7 s of them. Meanwhile an empty package of the same
    path takes its place; afterwards the name is free again for a real import.
    """
    if package in sys.modules:
        yield
        return
    spec = importlib.util.find_spec(package)
    if spec is None or spec.submodule_search_locations is None:
        raise SetupError(f"the package {package} is not installed; the tokenizer needs it.")
    stand_in = ModuleType(package)
    stand_in.__path__ = list(spec.submodule_search_locations)
    sys.modules[package] = stand_in
    try:
        yield
    finally:
        del sys.modules[package]
