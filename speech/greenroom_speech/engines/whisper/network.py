"""openai-whisper's network, made ready to be filled from a checkpoint."""

import torch
from torch import nn
from whisper.model import AudioEncoder, LayerNorm, ModelDimensions, TextDecoder, Whisper

from greenroom.managed.arena.meta_init import unfilled


class Network(Whisper):  # type: ignore[misc]
    """Whisper without the heads that give single words their times.

    They are a sparse buffer, which an arena does not hold.
    """

    def __init__(self, dims: ModelDimensions) -> None:
        nn.Module.__init__(self)
        self.dims = dims
        self.encoder = AudioEncoder(
            dims.n_mels,
            dims.n_audio_ctx,
            dims.n_audio_state,
            dims.n_audio_head,
            dims.n_audio_layer,
        )
        self.decoder = TextDecoder(
            dims.n_vocab,
            dims.n_text_ctx,
            dims.n_text_state,
            dims.n_text_head,
            dims.n_text_layer,
        )


def network(dims: ModelDimensions, dtype: torch.dtype) -> Network:
    """Parameters are on the meta device; buffers have their values.

    In half precision norms and positions stay float32, as openai-whisper computes them: its own
    half precision keeps all weights in float32 and converts them at each use, with the same
    result for twice the memory.
    """
    with unfilled():
        model = Network(dims)
    for module in model.modules():
        if not isinstance(module, LayerNorm):
            for name, parameter in module.named_parameters(recurse=False):
                if name != "positional_embedding":
                    setattr(module, name, nn.Parameter(parameter.to(dtype)))
    model.requires_grad_(False)
    model.eval()
    return model
