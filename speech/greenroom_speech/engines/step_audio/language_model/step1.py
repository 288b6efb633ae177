"""The Step1 decoder under the tensor names of the released checkpoint.

A pre-norm transformer with grouped keys and values, SwiGLU, RMSNorm and no positions but the
attention's bias. Constructible on the meta device; it allocates nothing but activations.
"""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn.functional import embedding, rms_norm, silu

from greenroom_speech.engines.step_audio.language_model.attention import Attention
from greenroom_speech.engines.step_audio.language_model.config import LanguageModelConfig
from greenroom_speech.engines.step_audio.language_model.projection import Projection, projected

MakeProjection = Callable[[int, int], nn.Module]
"""From inputs and outputs to a matrix product of a layer: how its weights are held."""


class Norm(nn.Module):
    """RMSNorm, the mean of squares in float32."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width), requires_grad=False)
        self._eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """From (n, width) to (n, width)."""
        return rms_norm(x, self.weight.shape, self.weight, self._eps)


class Step1Attention(nn.Module):
    """The projections around an attention."""

    def __init__(self, config: LanguageModelConfig, projection: MakeProjection) -> None:
        super().__init__()
        width = config.hidden_size
        shared = config.num_attention_groups * config.head_dim
        self.q_proj = projection(width, width)
        self.k_proj = projection(width, shared)
        self.v_proj = projection(width, shared)
        self.o_proj = projection(width, width)

    def forward(self, x: torch.Tensor, layer: int, attention: Attention) -> torch.Tensor:
        """From (n, width) to (n, width)."""
        query, key, value = self.q_proj(x), self.k_proj(x), self.v_proj(x)
        seen: torch.Tensor = self.o_proj(attention.attend(layer, query, key, value))
        return seen


class FeedForward(nn.Module):
    """SwiGLU."""

    def __init__(self, config: LanguageModelConfig, projection: MakeProjection) -> None:
        super().__init__()
        self.gate_proj = projection(config.hidden_size, config.intermediate_size)
        self.up_proj = projection(config.hidden_size, config.intermediate_size)
        self.down_proj = projection(config.intermediate_size, config.hidden_size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """From (n, width) to (n, width)."""
        fed: torch.Tensor = self.down_proj(silu(self.gate_proj(x)).mul_(self.up_proj(x)))
        return fed


class Layer(nn.Module):
    """Attention and feed-forward, each after a norm and beside a residual."""

    def __init__(self, config: LanguageModelConfig, projection: MakeProjection) -> None:
        super().__init__()
        self.self_attn = Step1Attention(config, projection)
        self.mlp = FeedForward(config, projection)
        self.input_layernorm = Norm(config.hidden_size, config.rms_norm_eps)
        self.post_attention_layernorm = Norm(config.hidden_size, config.rms_norm_eps)

    def forward(self, x: torch.Tensor, layer: int, attention: Attention) -> torch.Tensor:
        """From (n, width) to (n, width)."""
        x = x + self.self_attn(self.input_layernorm(x), layer, attention)
        return x.add_(self.mlp(self.post_attention_layernorm(x)))


class Embedding(nn.Module):
    """One row per id."""

    def __init__(self, ids: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(ids, width), requires_grad=False)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """From (n,) to (n, width)."""
        return embedding(ids, self.weight)


class Step1Decoder(nn.Module):
    """Embedding, layers, final norm."""

    def __init__(self, config: LanguageModelConfig, projection: MakeProjection) -> None:
        super().__init__()
        self.embed_tokens = Embedding(config.vocab_size, config.hidden_size)
        layers = (Layer(config, projection) for _ in range(config.num_hidden_layers))
        self.layers = nn.ModuleList(layers)
        self.norm = Norm(config.hidden_size, config.rms_norm_eps)

    def forward(self, ids: torch.Tensor, attention: Attention) -> torch.Tensor:
        """From (n,) to (n, width)."""
        x = self.embed_tokens(ids)
        for number, layer in enumerate(self.layers):
            x = layer(x, number, attention)
        normed: torch.Tensor = self.norm(x)
        return normed


class Step1(nn.Module):
    """The language model. The output matrix is not tied to the embedding.

    ``projection`` makes the products of the layers; embedding and output matrix stay as they are.
    """

    def __init__(
        self, config: LanguageModelConfig, projection: MakeProjection = Projection
    ) -> None:
        super().__init__()
        self.config = config
        self.model = Step1Decoder(config, projection)
        self.lm_head = Projection(config.hidden_size, config.vocab_size)

    def forward(self, ids: torch.Tensor, attention: Attention) -> torch.Tensor:
        """Hidden states (n, width) of ids (n,) after the final norm."""
        hidden: torch.Tensor = self.model(ids, attention)
        return hidden

    def scores(self, hidden: torch.Tensor, ranges: tuple[range, ...]) -> torch.Tensor:
        """Float32 scores (n, columns) of the ids in ``ranges``, one after another.

        Only these rows of the output matrix are read.
        """
        rows = self.lm_head.weight
        parts = [projected(hidden, rows[ids.start : ids.stop]).float() for ids in ranges]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)
