"""openai-whisper's network, made ready to be filled from a checkpoint."""

import base64
import gzip

import numpy as np
import torch
from torch import Tensor, nn
from whisper import _ALIGNMENT_HEADS
from whisper.model import AudioEncoder, LayerNorm, ModelDimensions, TextDecoder, Whisper

from greenroom.managed.arena.meta_init import unfilled


class WhisperNetwork(Whisper):  # type: ignore[misc]
    """Whisper, with the heads that give single words their times outside of the arena.

    To whisper they are a sparse buffer, which an arena does not hold.
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


def alignment_heads(dims: ModelDimensions, name: str) -> Tensor:
    """Which heads (layers, heads) follow the sound, as openai-whisper knows it of its models.

    Of others all heads of the later half of the layers, as it takes them.
    """
    shape = (dims.n_text_layer, dims.n_text_head)
    if name in _ALIGNMENT_HEADS:
        packed = gzip.decompress(base64.b85decode(_ALIGNMENT_HEADS[name]))
        heads = np.frombuffer(packed, bool)
        if heads.size == shape[0] * shape[1]:
            return torch.from_numpy(heads.reshape(shape).copy()).to_sparse()
    later = torch.zeros(shape, dtype=torch.bool)
    later[dims.n_text_layer // 2 :] = True
    return later.to_sparse()


def network(dims: ModelDimensions, dtype: torch.dtype, name: str = "") -> WhisperNetwork:
    """Parameters are on the meta device; buffers have their values. `name` of OpenAI's model.

    In half precision norms and positions stay float32, as openai-whisper computes them: its own
    half precision keeps all weights in float32 and converts them at each use, with the same
    result for twice the memory.
    """
    with unfilled():
        model = WhisperNetwork(dims)
    model.alignment_heads = alignment_heads(dims, name)
    for module in model.modules():
        if not isinstance(module, LayerNorm):
            for name, parameter in module.named_parameters(recurse=False):
                if name != "positional_embedding":
                    setattr(module, name, nn.Parameter(parameter.to(dtype)))
    model.requires_grad_(False)
    model.eval()
    return model
