"""A complete Whisper checkpoint of small dimensions under the released names.

Its weights are random but for what makes it speak: each position allows a pair of tokens, and
which one of them is said comes out of the recording and all layers. So its words have a high
probability and differ from one recording to another.
"""

from dataclasses import asdict
from pathlib import Path

import torch
from whisper.model import ModelDimensions, Whisper
from whisper.tokenizer import Tokenizer, get_tokenizer

MULTILINGUAL, ENGLISH_ONLY = 51_866, 51_864
WIDTH = 64
PAIRS = [
    ("the", "a"),
    ("of", "to"),
    ("and", "in"),
    ("that", "is"),
    ("was", "he"),
    ("for", "it"),
    ("with", "as"),
    ("his", "on"),
    ("be", "at"),
    ("by", "I"),
    ("this", "had"),
]
SEGMENTS, WORDS_PER_SEGMENT, SEGMENT_SECONDS = 2, 6, 12
"""What it says of a window: segments, and the pair of timestamps after each."""
CHOICE = 8
"""Last dimensions of the text's vectors, in which the two tokens of a pair differ."""

LOUD = 6.0
"""How much louder positions and recording are than the tokens before."""


def sizes(vocabulary: int = MULTILINGUAL) -> ModelDimensions:
    return ModelDimensions(
        n_mels=128 if vocabulary == MULTILINGUAL else 80,
        n_audio_ctx=1500,
        n_audio_state=WIDTH,
        n_audio_head=2,
        n_audio_layer=2,
        n_vocab=vocabulary,
        n_text_ctx=448,
        n_text_state=WIDTH,
        n_text_head=2,
        n_text_layer=2,
    )


def network(dims: ModelDimensions | int = MULTILINGUAL, seed: int = 1) -> Whisper:
    """Return the network of the checkpoint, as openai-whisper builds it.

    `dims` is the size of the vocabulary, the rest being small, or all sizes.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = Whisper(sizes(dims) if isinstance(dims, int) else dims)
        for parameter in model.parameters():
            if parameter.ndim > 1:
                torch.nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
        _let_speak(model)
    return model.requires_grad_(False).eval()


def write(path: Path, model: Whisper) -> Path:
    """Write a network as OpenAI's files are: half precision, dims beside the weights."""
    state = {name: tensor.half() for name, tensor in model.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"dims": asdict(model.dims), "model_state_dict": state}, path)
    return path


def _let_speak(model: Whisper) -> None:
    tokens = get_tokenizer(
        model.is_multilingual, num_languages=model.num_languages, language="en", task="transcribe"
    )
    languages = (tokens.to_language_token("en"), tokens.to_language_token("zh"))
    words = [(tokens.encode(f" {a}")[0], tokens.encode(f" {b}")[0]) for a, b in PAIRS]
    model.decoder.token_embedding.weight.data = _vectors(model.dims, [languages, *words])
    for block in model.encoder.blocks:
        _attend_to_little(block.attn)
        block.mlp[0].weight.data *= 2
        block.mlp[2].weight.data *= 2
    for block in model.decoder.blocks:
        _attend_to_little(block.cross_attn)
        _write_choices_only(block.attn.out, 0.5)
        _write_choices_only(block.cross_attn.out, LOUD)
        _write_choices_only(block.mlp[2], 0.5)
    script = [languages] * (len(tokens.sot_sequence) - 1) + _script(tokens, words)
    _allow(model, script)


def _vectors(dims: ModelDimensions, pairs: list[tuple[int, int]]) -> torch.Tensor:
    """Return the tokens' vectors: of a pair, the same but for opposite last dimensions."""
    alike = torch.randn(dims.n_vocab, dims.n_text_state - CHOICE)
    vectors = torch.nn.functional.normalize(alike)
    choices = torch.zeros(dims.n_vocab, CHOICE)
    for one, other in pairs:
        vectors[other] = vectors[one]
        choices[one] = torch.nn.functional.normalize(torch.randn(CHOICE), dim=0)
        choices[other] = -choices[one]
    return 3 * torch.cat([vectors, choices], dim=1)


def _attend_to_little(attention: torch.nn.Module) -> None:
    """Let it look at a few moments, else all recordings look like the silence after them."""
    attention.query.weight.data *= 4
    attention.key.weight.data *= 4


def _write_choices_only(layer: torch.nn.Linear, strength: float) -> None:
    layer.weight.data *= strength
    layer.weight.data[:-CHOICE] = 0
    layer.bias.data.zero_()


def _script(tokens: Tokenizer, pairs: list[tuple[int, int]]) -> list[tuple[int, ...]]:
    """Return what may be said at each position, from the first one after the prompt."""
    said: list[tuple[int, ...]] = [(tokens.timestamp_begin,)]
    for segment in range(SEGMENTS):
        first = segment * WORDS_PER_SEGMENT
        said += [pairs[k % len(pairs)] for k in range(first, first + WORDS_PER_SEGMENT)]
        said += [(tokens.timestamp_begin + 50 * SEGMENT_SECONDS * (segment + 1),)] * 2
    return [*said, (tokens.eot,)]


def _allow(model: Whisper, script: list[tuple[int, ...]]) -> None:
    positions = model.decoder.positional_embedding.data
    positions.zero_()
    for position, (one, *others) in enumerate(script):
        vector = model.decoder.token_embedding.weight[one, :-CHOICE]
        positions[position, :-CHOICE] = vector * LOUD * (1 if others else 2)
