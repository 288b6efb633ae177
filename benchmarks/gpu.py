"""The weights arena on a GPU: everything in one call, printed as one table.

For each size a language model with random bf16 weights is written, read from the page cache into
an arena and by ``from_pretrained(device_map="cuda")``, restored against a plain pinned copy,
offloaded, asked, replayed as a CUDA graph, and served by a real Triton as the example `writer`.
Needs a GPU, the extra ``arena``, transformers and accelerate; as much host memory as twice the
size, and disk as much as the size.

usage: .venv/bin/python benchmarks/gpu.py [--gigabytes 7 14] [--rounds 10]
"""

import argparse
import asyncio
import gc
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import load_parts
import numpy as np
import precision
import pynvml
import torch
import tritonclient.grpc.aio as triton_grpc
from rich.console import Console
from rich.table import Table
from transformers import AutoConfig, AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from greenroom.managed.arena import Arena
from greenroom.managed.host.early_reading import READERS
from greenroom.residency.policy import Policy
from greenroom.settings import PROJECT
from greenroom.supervisor import Service
from greenroom.supervisor.ports import free_settings

sys.path.insert(0, str(PROJECT / "examples"))
from tiny_checkpoint import write_tokenizer

LAYER = 404_766_720
"""Bytes of one decoder layer of the sizes below, in bf16."""
Row = tuple[str, str, str]


def write(folder: Path, size: float) -> None:
    """Write a model of about `size` bytes; made on the GPU, where random numbers are quick."""
    config = LlamaConfig(
        vocab_size=write_tokenizer(folder),
        hidden_size=4096,
        intermediate_size=11008,
        num_attention_heads=32,
        num_hidden_layers=max(1, round(size / LAYER)),
        max_position_embeddings=512,
        dtype="bfloat16",
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=0,
    )
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    with torch.device("cuda"):
        model = LlamaForCausalLM(config)
    torch.set_default_dtype(torch.float32)
    model.save_pretrained(folder)
    del model
    gc.collect()
    torch.cuda.empty_cache()


def into_arena(folder: Path, device: str) -> tuple[Any, Arena]:
    """Load a checkpoint: nothing is held twice."""
    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).eval()
    rotary = type(model.model.rotary_emb)(config)
    buffers = {f"model.rotary_emb.{name}": value for name, value in rotary.named_buffers()}
    arena = Arena(model, device)
    arena.read(model, folder, buffers)
    arena.restore()
    return model, arena


def seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - begin


def used_bytes() -> int:
    """Return what the whole card has in use."""
    pynvml.nvmlInit()
    uuid = torch.cuda.get_device_properties(0).uuid
    handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}")
    return int(pynvml.nvmlDeviceGetMemoryInfo(handle).used)


def pinned_rate(size: int, rounds: int) -> float:
    """Return the GB/s of a plain pinned copy."""
    source = torch.empty(size, dtype=torch.uint8, pin_memory=True)
    target = torch.empty(size, dtype=torch.uint8, device="cuda")
    taken = [seconds(lambda: target.copy_(source, non_blocking=True)) for _ in range(rounds)]
    return size / statistics.median(taken) / 1e9


def loads(folder: Path, rounds: int) -> tuple[float, float]:
    """Return the median seconds of a load into an arena and by from_pretrained, page cache warm.

    Each in a new process; imports and the start of CUDA are left out.
    """
    taken: dict[str, list[float]] = {"arena": [], "plain": []}
    for _ in range(rounds):
        for way, found in taken.items():
            command = [sys.executable, __file__, "--load", way, str(folder)]
            shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            found.append(float(shown.split()[-1]))
    return statistics.median(taken["arena"]), statistics.median(taken["plain"])


def load(way: str, folder: Path) -> None:
    """Load once and print the seconds."""
    torch.zeros(1, device="cuda")

    def plain() -> object:
        local = {"local_files_only": True, "use_safetensors": True}
        return AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.bfloat16, device_map="cuda", **local
        )

    print(seconds(plain if way == "plain" else lambda: into_arena(folder, "cuda")))


def moving(folder: Path, rounds: int) -> list[Row]:
    """Restore, offload, bits and a captured graph, in this process."""
    torch.zeros(1, device="cuda")
    model, arena = into_arena(folder, "cuda")
    size = arena.memory().host_bytes
    tokens = torch.arange(8, device="cuda")[None]
    with torch.inference_mode():
        before = model(tokens, use_cache=False).logits.clone()
        graph, replayed = torch.cuda.CUDAGraph(), None
        with torch.cuda.graph(graph):
            replayed = model(tokens, use_cache=False).logits
        restores, offloads, same = [], [], True
        for _ in range(rounds):
            offloads.append(seconds(arena.offload))
            warm = arena.memory()
            restores.append(seconds(arena.restore))
            replayed.zero_()
            graph.replay()
            torch.cuda.synchronize()
            same = same and torch.equal(replayed, before)
            same = same and torch.equal(model(tokens, use_cache=False).logits, before)
    rate = size / statistics.median(restores) / 1e9
    arena.close()
    del model, graph, replayed
    gc.collect()
    torch.cuda.empty_cache()
    plain = pinned_rate(min(size, 4 * 10**9), rounds)
    return [
        ("restore", f"{statistics.median(restores):.3f} s, {rate:.1f} GB/s", ""),
        ("restore over a plain pinned copy", f"{rate / plain:.2f} of {plain:.1f} GB/s", ">= 0.9"),
        ("offload", f"{statistics.median(offloads) * 1e3:.1f} ms", "50 ms"),
        ("device bytes of the arena when warm", str(warm.device_bytes), "0"),
        ("same bits, also of a replayed CUDA graph", str(same), "True"),
    ]


async def serving(folder: Path, rounds: int) -> list[Row]:
    """The same weights as the example `writer` behind a real Triton."""
    hot, warm, restores = [], [], []
    with tempfile.TemporaryDirectory() as place:
        repository = Path(place) / "models"
        skipped = shutil.ignore_patterns("checkpoint", "__pycache__")
        shutil.copytree(PROJECT / "examples" / "models", repository, ignore=skipped)
        (repository / "writer" / "1" / "checkpoint").symlink_to(folder)
        settings = free_settings(
            runtime_dir=Path(place) / "runtime",
            model_repository=repository,
            ensemble_repository=PROJECT / "tests" / "ensembles",
            policy={"writer": Policy(offload_after=-1, unload_after=-1)},
        )
        before = used_bytes()
        async with (
            Service(settings, log=lambda name, line: None) as service,
            triton_grpc.InferenceServerClient(f"127.0.0.1:{settings.grpc_port}") as client,
            httpx.AsyncClient(base_url=service.url, timeout=600) as web,
        ):
            given = triton_grpc.InferInput("TEXT", [1, 1], "BYTES")
            given.set_data_from_numpy(np.array([[b"Good evening"]], dtype=object))

            async def ask() -> float:
                begin = time.perf_counter()
                await client.infer("writer", [given])
                return time.perf_counter() - begin

            async def act(verb: str) -> dict[str, Any]:
                return (await web.post(f"/residency/writer/{verb}")).json()

            empty = used_bytes()
            await act("load")
            for _ in range(rounds):
                hot.append(await ask())
                left = await act("offload")
                overhead = used_bytes() - empty
                warm.append(await ask())
                await act("offload")
                restores.append((await act("restore"))["last_transition"]["seconds"])
            await act("unload")
            cold = used_bytes() - empty
    parts = statistics.median(hot), statistics.median(restores)
    return [
        ("Triton without a model, on the card", f"{(empty - before) / 1e9:.2f} GB", ""),
        ("on the card when warm", f"{overhead / 1e9:.2f} GB", "0.7 GB"),
        ("device_overhead_bytes reported", f"{left['device_overhead_bytes'] / 1e9:.2f} GB", ""),
        ("on the card when cold", f"{cold / 1e9:.2f} GB", "0"),
        ("first request after an offload", f"{statistics.median(warm):.3f} s", ""),
        ("hot request, restore", f"{parts[0]:.3f} s + {parts[1]:.3f} s", ""),
    ]


def measure(gigabytes: float, rounds: int) -> list[Row]:
    """Return the rows of one size."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write(folder, gigabytes * 1e9)
        ours, plain = loads(folder, 3)
        rows = [
            ("load from the page cache", f"{ours:.2f} s", ""),
            ("load over from_pretrained", f"{ours / plain:.2f} of {plain:.2f} s", "0.7"),
        ]
        return rows + moving(folder, rounds) + asyncio.run(serving(folder, rounds))


def main() -> None:
    """Measure each size and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, nargs="+", default=[7.0, 14.0])
    parser.add_argument("--rounds", type=int, default=10, help="rounds of each measurement")
    parser.add_argument("--load", nargs=2, metavar=("WAY", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.load:
        load(arguments.load[0], Path(arguments.load[1]))
        return
    card = torch.cuda.get_device_name()
    for gigabytes in arguments.gigabytes:
        table = Table("what", "measured", "bar", title=f"{gigabytes:g} GB on {card}")
        for row in measure(gigabytes, arguments.rounds):
            table.add_row(*row)
        Console(width=100).print(table)
    # The parts of a load of Step-Audio-EditX; target: 3 s for 7.8 GB.
    with tempfile.TemporaryDirectory() as place:
        load_parts.write(Path(place), 36)
        table = load_parts.table(Path(place), ["bf16", "int8"], [READERS], 3, prime=True)
        Console(width=170).print(table)
    # The table of benchmarks/precision.py, all layers; a prompt's bar on a GPU is 3 times bf16's.
    Console(width=130).print(precision.table(32, arguments.rounds, 100, torch.device("cuda")))


if __name__ == "__main__":
    main()
