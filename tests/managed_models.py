"""Writes managed models with real weights of chosen size into a model repository.

::

    model = weight_model(tmp_path / "models", "a", 64 * 2**20)
    ...load it, and ask any client of Triton or of the gateway...
    result = await client.infer("a", model.inputs(7))
    assert result.as_numpy("SUM").item() == model.answer(7)

The answer is the number plus a checksum of every byte of the weights, so that one wrong byte
after an offload and a restore is a wrong answer. The checkpoint lies in the version folder.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tritonclient.grpc as triton_grpc

SOURCE = Path(__file__).parent / "weight_model"
SHAPES = ((4096,), (2048, 2048), (3, 5, 7), (), (1024, 1024), (1,), (333, 3), (512, 768))
DTYPES = ("float32", "bfloat16", "float16", "int8", "int64")
LAST = 2**16
"""Bytes at the end that are one tensor of bytes."""


@dataclass(frozen=True)
class WeightModel:
    """A model that was written: its folder, the bytes of its weights and their checksum."""

    name: str
    folder: Path
    size: int
    checksum: int

    @property
    def checkpoint(self) -> Path:
        return self.folder / "1" / "model.safetensors"

    def inputs(self, number: int, seconds: float | None = None) -> list:
        """Return the inputs of one request, which takes so many seconds longer (gRPC)."""
        tensors = [_tensor("NUMBER", np.array([[number]], np.int64), "INT64")]
        if seconds is not None:
            tensors.append(_tensor("SECONDS", np.array([[seconds]], np.float32), "FP32"))
        return tensors

    def answer(self, number: int) -> int:
        """Return the SUM of the only right answer."""
        return _wrapped(number + self.checksum)


def weight_model(
    repository: Path,
    name: str,
    size: int,
    *,
    seed: int = 0,
    load_seconds: float = 0.0,
    restore_seconds: float = 0.0,
    threads: int = 1,
) -> WeightModel:
    """Write a model with `size` bytes of weights (128 KiB or more) in many tensors.

    Its load and its restore take so many seconds longer; models of other seeds have other
    weights.
    """
    from safetensors.torch import save_file

    version = repository / name / "1"
    version.mkdir(parents=True)
    tensors = _tensors(size, seed)
    save_file(tensors, version / "model.safetensors")
    options = {
        "tensors": {
            key: (list(tensor.shape), str(tensor.dtype).removeprefix("torch."))
            for key, tensor in tensors.items()
        },
        "load_seconds": load_seconds,
        "restore_seconds": restore_seconds,
        "threads": threads,
    }
    (version / "weights.json").write_text(json.dumps(options))
    for file in ("model.py", "weight_engine.py"):
        shutil.copy(SOURCE / file, version)
    config = (SOURCE / "config.pbtxt").read_text()
    (repository / name / "config.pbtxt").write_text(f'name: "{name}"\n{config}')
    return WeightModel(name, repository / name, size, _checksum(tensors))


def _tensors(size: int, seed: int) -> dict:
    """Return tensors of mixed shapes and dtypes with `size` bytes in all, parameters first."""
    import torch

    # Bytes below 63: no float made of them is a NaN, and one block serves a big model too.
    block = np.random.default_rng(seed).integers(0, 63, 2**20 + 7, dtype=np.uint8)
    tensors, left, rank = {}, size, 0
    while left:
        dtype, shape = getattr(torch, DTYPES[rank % len(DTYPES)]), SHAPES[rank % len(SHAPES)]
        if left <= LAST:
            dtype, shape = torch.uint8, (left,)
        length = torch.Size(shape).numel() * dtype.itemsize
        if length <= left:
            raw = np.resize(np.roll(block, rank), length)
            tensors[f"w{rank}"] = torch.from_numpy(raw).view(dtype).view(shape)
            left -= length
        rank += 1
    return dict(sorted(tensors.items(), key=lambda item: not item[1].is_floating_point()))


def _checksum(tensors: dict) -> int:
    """Return what the model's `forward` adds, computed here from the bytes alone."""
    import torch

    total = 0
    for rank, tensor in enumerate(tensors.values(), 1):
        raw = tensor.reshape(-1).view(torch.uint8).numpy()
        whole = raw.size // 8 * 8
        words = int(raw[:whole].view(np.int64).sum()) + int(raw[whole:].sum(dtype=np.int64))
        total = _wrapped(total + rank * words)
    return total


def _wrapped(number: int) -> int:
    return (number + 2**63) % 2**64 - 2**63


def _tensor(name: str, array: np.ndarray, datatype: str):
    made = triton_grpc.InferInput(name, array.shape, datatype)
    made.set_data_from_numpy(array)
    return made
