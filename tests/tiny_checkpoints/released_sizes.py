"""Files of Step-Audio-EditX with the sizes of the released ones, sparse: they take no disk."""

import json
from math import prod
from pathlib import Path

CONFIG = {
    "hidden_size": 3072,
    "intermediate_size": 8192,
    "num_attention_heads": 48,
    "num_attention_groups": 4,
    "num_hidden_layers": 32,
    "max_seq_len": 32768,
    "vocab_size": 74752,
    "rms_norm_eps": 1e-5,
    "eos_token_id": 3,
}
MATRICES = {
    "self_attn.q_proj": (3072, 3072),
    "self_attn.k_proj": (256, 3072),
    "self_attn.v_proj": (256, 3072),
    "self_attn.o_proj": (3072, 3072),
    "mlp.gate_proj": (8192, 3072),
    "mlp.up_proj": (8192, 3072),
    "mlp.down_proj": (3072, 8192),
}
NORMS = ("input_layernorm", "post_attention_layernorm")
GROUP = 128
Entries = dict[str, tuple[str, tuple[int, ...]]]


def released_sizes(models: Path) -> Path:
    """Write the bf16 release and the AWQ one below a models folder; return that."""
    for folder, entries in (("Step-Audio-EditX", _bf16()), ("Step-Audio-EditX-AWQ-4bit", _int4())):
        made = models / folder
        made.mkdir(parents=True)
        (made / "config.json").write_text(json.dumps(CONFIG))
        _sparse(made / "model.safetensors", entries)
    released = models / "Step-Audio-EditX"
    cosyvoice = released / "CosyVoice-300M-25Hz"
    cosyvoice.mkdir()
    (released / "tokenizer.model").write_bytes(b"pieces")
    (cosyvoice / "cosyvoice.yaml").write_text("flow: {}\n")
    for name, size in (("flow.pt", 615_274_252), ("hift.pt", 117_228_443)):
        with (cosyvoice / name).open("wb") as file:
            file.truncate(size)
    return models


def _whole() -> Entries:
    rows = {"model.embed_tokens.weight": (74752, 3072), "lm_head.weight": (74752, 3072)}
    norms = {f"model.layers.{n}.{name}.weight": (3072,) for n in range(32) for name in NORMS}
    return {name: ("BF16", shape) for name, shape in (rows | norms | _last()).items()}


def _last() -> dict[str, tuple[int, ...]]:
    return {"model.norm.weight": (3072,)}


def _layers() -> dict[str, tuple[int, int]]:
    return {
        f"model.layers.{n}.{name}": shape for n in range(32) for name, shape in MATRICES.items()
    }


def _bf16() -> Entries:
    return _whole() | {f"{name}.weight": ("BF16", shape) for name, shape in _layers().items()}


def _int4() -> Entries:
    entries = _whole()
    for name, (outputs, inputs) in _layers().items():
        entries[f"{name}.weight_packed"] = ("I32", (outputs, inputs // 8))
        entries[f"{name}.weight_scale"] = ("BF16", (outputs, inputs // GROUP))
        entries[f"{name}.weight_shape"] = ("I64", (2,))
    return entries


def _sparse(path: Path, entries: Entries) -> None:
    sizes, header, end = {"BF16": 2, "I32": 4, "I64": 8}, {}, 0
    for name, (dtype, shape) in entries.items():
        begin, end = end, end + prod(shape) * sizes[dtype]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + end)
