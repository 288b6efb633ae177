"""Layers quantised to 4 bit by the library compressed-tensors, as they lie in a checkpoint."""

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:  # its imports take five seconds of each process that collects tests
    from compressed_tensors.quantization import QuantizationScheme


def packed_layer(weight: torch.Tensor, group: int, symmetric: bool) -> dict[str, torch.Tensor]:
    """Return the tensors of one layer (out, in), by their names below it."""
    from compressed_tensors.compressors import PackedQuantizationCompressor
    from compressed_tensors.quantization.utils import calculate_qparams

    scheme = _scheme(group, symmetric)
    groups = weight.unflatten(1, (-1, group))
    scale, zero = calculate_qparams(groups.amin(-1), groups.amax(-1), scheme.weights)
    state = {"weight": weight, "weight_scale": scale.bfloat16()}
    state["weight_zero_point"] = zero.to(torch.int8)
    return dict(PackedQuantizationCompressor.compress(state, scheme))


def unpacked_layer(packed: dict[str, torch.Tensor], group: int, symmetric: bool) -> torch.Tensor:
    """Return the library's own dequantisation, float32."""
    from compressed_tensors.compressors import PackedQuantizationCompressor

    exact = packed | {"weight_scale": packed["weight_scale"].float()}
    state = PackedQuantizationCompressor.decompress(exact, _scheme(group, symmetric))
    return state["weight"].float()


def quantization_config(group: int, symmetric: bool) -> dict:
    """Return what config.json says of such layers."""
    return {
        "quant_method": "compressed-tensors",
        "format": "pack-quantized",
        "config_groups": {
            "group_0": {
                "targets": ["Linear"],
                "weights": {
                    "num_bits": 4,
                    "type": "int",
                    "symmetric": symmetric,
                    "strategy": "group",
                    "group_size": group,
                },
            }
        },
        "ignore": ["lm_head"],
    }


def _scheme(group: int, symmetric: bool) -> "QuantizationScheme":
    from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme

    weights = QuantizationArgs(
        num_bits=4, type="int", symmetric=symmetric, strategy="group", group_size=group
    )
    return QuantizationScheme(targets=["Linear"], weights=weights)
