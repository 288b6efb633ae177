"""A network of openai-whisper as the folder that CTranslate2 and faster-whisper read."""

import json
from pathlib import Path

import numpy as np
from ctranslate2.specs import WhisperSpec
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from whisper.model import Whisper
from whisper.tokenizer import get_encoding


def write(folder: Path, network: Whisper) -> Path:
    """Write weights in single precision, the tokenizer, and how the sound becomes features."""
    folder.mkdir(parents=True, exist_ok=True)
    dims = network.dims
    spec = WhisperSpec(dims.n_audio_layer, dims.n_audio_head, dims.n_text_layer, dims.n_text_head)
    weights = {name: one.float().numpy() for name, one in network.state_dict().items()}
    _fill(spec, weights, dims)
    tokens = _tokenizer(folder / "tokenizer.json", network)
    spec.register_vocabulary(tokens)
    spec.config.suppress_ids, spec.config.suppress_ids_begin = [], []
    later = range(dims.n_text_layer // 2, dims.n_text_layer)
    heads = range(dims.n_text_head)
    spec.config.alignment_heads = [[layer, head] for layer in later for head in heads]
    names = (f"<|{code}|>" for code in ("en", "zh"))
    spec.config.lang_ids = [tokens.index(name) for name in names if name in tokens]
    spec.validate()
    spec.optimize()
    spec.save(str(folder))
    features = {"feature_size": dims.n_mels}
    (folder / "preprocessor_config.json").write_text(json.dumps(features))
    return folder


def _fill(spec, weights, dims):
    encoder, decoder = spec.encoder, spec.decoder
    for name in ("conv1", "conv2"):
        _linear(getattr(encoder, name), weights, f"encoder.{name}")
    encoder.position_encodings.encodings = weights["encoder.positional_embedding"]
    decoder.position_encodings.encodings = weights["decoder.positional_embedding"]
    embedding = weights["decoder.token_embedding.weight"]
    decoder.embeddings.weight = decoder.projection.weight = embedding
    decoder.scale_embeddings = False
    _norm(encoder.layer_norm, weights, "encoder.ln_post")
    _norm(decoder.layer_norm, weights, "decoder.ln")
    for part in ("encoder", "decoder"):
        for number, layer in enumerate(getattr(spec, part).layer):
            _layer(layer, weights, f"{part}.blocks.{number}")


def _layer(layer, weights, name):
    own = f"{name}.attn"
    _norm(layer.self_attention.layer_norm, weights, f"{name}.attn_ln")
    _joined(layer.self_attention.linear[0], weights, own, ("query", "key", "value"))
    _linear(layer.self_attention.linear[1], weights, f"{own}.out")
    if hasattr(layer, "attention"):
        cross = f"{name}.cross_attn"
        _norm(layer.attention.layer_norm, weights, f"{name}.cross_attn_ln")
        _linear(layer.attention.linear[0], weights, f"{cross}.query")
        _joined(layer.attention.linear[1], weights, cross, ("key", "value"))
        _linear(layer.attention.linear[2], weights, f"{cross}.out")
    _norm(layer.ffn.layer_norm, weights, f"{name}.mlp_ln")
    _linear(layer.ffn.linear_0, weights, f"{name}.mlp.0")
    _linear(layer.ffn.linear_1, weights, f"{name}.mlp.2")


def _linear(spec, weights, name):
    spec.weight, spec.bias = weights[f"{name}.weight"], weights[f"{name}.bias"]


def _joined(spec, weights, name, parts):
    """Several layers as one; Whisper's keys have no bias."""
    found = [weights[f"{name}.{part}.weight"] for part in parts]
    nothing = np.zeros(found[0].shape[0], np.float32)
    spec.weight = np.concatenate(found)
    spec.bias = np.concatenate([weights.get(f"{name}.{part}.bias", nothing) for part in parts])


def _norm(spec, weights, name):
    spec.gamma, spec.beta = weights[f"{name}.weight"], weights[f"{name}.bias"]


def _tokenizer(path: Path, network: Whisper) -> list[str]:
    """Write the byte pairs of openai-whisper; return all tokens by their ids."""
    name = "multilingual" if network.is_multilingual else "gpt2"
    encoding = get_encoding(name, num_languages=network.num_languages)
    ranks, letters = encoding._mergeable_ranks, _letters()
    written = {token: "".join(letters[byte] for byte in token) for token in ranks}
    merges = [
        (ranks[token], written[token[:at]], written[token[at:]])
        for token in ranks
        for at in range(1, len(token))
        if token[:at] in ranks and token[at:] in ranks
    ]
    vocabulary = {written[token]: rank for token, rank in ranks.items()}
    pairs = [(one, other) for _, one, other in sorted(merges, key=lambda merge: merge[0])]
    made = Tokenizer(models.BPE(vocabulary, pairs))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    special = sorted(encoding._special_tokens.items(), key=lambda item: item[1])
    made.add_special_tokens([AddedToken(token, special=True) for token, _ in special])
    made.save(str(path))
    by_id = {number: token for token, number in made.get_vocab(with_added_tokens=True).items()}
    return [by_id.get(number, f"<|unused{number}|>") for number in range(network.dims.n_vocab)]


def _letters() -> dict[int, str]:
    """How bytes stand in GPT-2's vocabularies: printable ones as they are, others above 255."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    shown = {byte: chr(byte) for byte in plain}
    return shown | {byte: chr(256 + place) for place, byte in enumerate(others)}
