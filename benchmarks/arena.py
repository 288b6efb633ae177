"""What the weights arena costs on the CPU, against plain copies, frees and reads in the same run.

Prints a table: restore against a fresh ``torch.empty(n).copy_(src)``, offload against freeing a
touched buffer, memory and bits over cycles, reading a checkpoint against ``readinto`` of a fresh
buffer, the peak of a whole load, and cycles of a model behind a real Triton. What is compared
alternates; each number is the median of its rounds. Needs the extra ``arena``, about
three times the size in memory and once in the folder for temporary files.

usage: .venv/bin/python benchmarks/arena.py [--gigabytes 2] [--rounds 10] [--cycles 50]
"""

import argparse
import asyncio
import gc
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
import torch
import tritonclient.grpc.aio as triton_grpc
from rich.console import Console
from rich.table import Table

from greenroom.managed.arena import Arena
from greenroom.residency.policy import Policy
from greenroom.settings import PROJECT
from greenroom.supervisor import Service
from greenroom.supervisor.ports import free_settings

sys.path[:0] = [str(PROJECT / "tests"), str(PROJECT / "tests" / "weight_model")]
from managed_models import WeightModel, weight_model  # noqa: E402
from weight_engine import Weights  # noqa: E402

WARM_UP = 5
Row = tuple[str, str, str, str, str]


def seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def resident() -> int:
    return int(psutil.Process().memory_info().rss)


def module_of(model: WeightModel) -> Weights:
    options = json.loads((model.checkpoint.parent / "weights.json").read_text())
    with torch.device("meta"):
        return Weights(options["tensors"])


def ratio_row(name: str, ours: list[float], plain: list[float], bar: float) -> Row:
    mine, theirs = statistics.median(ours), statistics.median(plain)
    return name, f"{mine:.4f} s", f"{theirs:.4f} s", f"{mine / theirs:.2f}", f"{bar:.2f}"


def every_page(arena: Arena, size: int) -> None:
    """Look at the weights: a page takes its time when it is first seen."""
    arena._range.bytes[:size:4096].max()


def moving(arena: Arena, size: int, rounds: int) -> list[Row]:
    """Restore and offload against a copy into, and the freeing of, a plain buffer."""
    source = torch.ones(size, dtype=torch.uint8)
    restores, offloads, copies, frees, dropped = [], [], [], [], []
    for _ in range(rounds):
        restores.append(seconds(lambda: (arena.restore(), every_page(arena, size))))
        hot = resident()
        offloads.append(seconds(arena.offload))
        dropped.append((hot - resident()) / size)
        assert arena.memory().device_bytes == 0
        held: list[torch.Tensor] = []
        copies.append(seconds(lambda: held.append(torch.empty_like(source).copy_(source))))  # noqa: B023
        frees.append(seconds(held.clear))
    return [
        ratio_row(
            "restore, each page seen | torch.empty(n).copy_(src)",
            restores,
            copies,
            1.15,
        ),
        ratio_row("offload | freeing a touched buffer", offloads, frees, 1.2),
        ("RSS given back by an offload", f"{min(dropped):.2%}", "", "", "99 %"),
    ]


def reading(model: WeightModel, rounds: int) -> list[Row]:
    """Into a new arena against a plain read into a new buffer; freeing is not counted."""
    ours, plain = [], []
    held: list[object] = []

    def arena() -> None:
        module = module_of(model)
        held.append(Arena(module))
        held[-1].read(module, model.checkpoint)

    def buffer() -> None:
        held.append(torch.empty(model.checkpoint.stat().st_size, dtype=torch.uint8))
        with model.checkpoint.open("rb", buffering=0) as file:
            rest = memoryview(held[-1].numpy().data)
            while rest:
                rest = rest[file.readinto(rest) :]

    buffer()  # into the page cache
    for _ in range(rounds):
        for work, taken in ((arena, ours), (buffer, plain)):
            held.clear()
            gc.collect()
            taken.append(seconds(work))
    return [ratio_row("reading the checkpoint | readinto a fresh buffer", ours, plain, 1.2)]


def peaking(model: WeightModel) -> list[Row]:
    """The most that a process of its own holds in memory during a whole load."""
    load = [sys.executable, Path(__file__).with_name("arena_load.py"), model.checkpoint.parent]
    peak = int(subprocess.run(load, check=True, capture_output=True, text=True).stdout)
    beyond = (peak - model.size) / 1e6
    return [("peak RSS of a load beyond the weights", f"{beyond:.0f} MB", "", "", "300 MB")]


def shared_bytes(prefix: str) -> int:
    regions = Path("/dev/shm").glob(f"{prefix}*")
    return sum(region.stat().st_blocks * 512 for region in regions)


async def waking(repository: Path, model: WeightModel, cycles: int) -> list[Row]:
    """Cycles of a model behind a real Triton: time of a warm request, bits, memory."""
    hot, warm, restores = [], [], []
    seen: dict[str, list[int]] = {"device": [], "host": [], "/dev/shm": []}
    with tempfile.TemporaryDirectory() as runtime:
        settings = free_settings(
            runtime_dir=Path(runtime),
            model_repository=repository,
            ensemble_repository=PROJECT / "tests" / "ensembles",
            policy={model.name: Policy(offload_after=-1, unload_after=-1)},
        )
        async with (
            Service(settings, log=lambda name, line: None) as service,
            triton_grpc.InferenceServerClient(f"127.0.0.1:{settings.grpc_port}") as client,
            httpx.AsyncClient(base_url=service.url, timeout=120) as web,
        ):

            async def ask() -> float:
                begin = time.perf_counter()
                answer = await client.infer(model.name, model.inputs(1))
                assert answer.as_numpy("SUM").item() == model.answer(1)
                return time.perf_counter() - begin

            async def shown() -> dict[str, Any]:
                return (await web.get("/residency")).json()["models"][model.name]

            async def restored() -> dict[str, Any]:
                # The answer may come before the restore's report.
                while (now := await shown())["last_transition"]["action"] != "restore":  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
                return now

            await ask()
            for _ in range(WARM_UP + cycles):
                hot.append(await ask())
                offloaded = (await web.post(f"/residency/{model.name}/offload")).json()
                assert offloaded["device_bytes"] == 0
                seen["host"].append(psutil.Process(offloaded["pid"]).memory_info().rss)
                warm.append(await ask())
                now = await restored()
                restores.append(now["last_transition"]["seconds"])
                seen["device"].append(now["device_bytes"])
                seen["/dev/shm"].append(shared_bytes(service.triton.prefix))
    return [_woken(hot, warm, restores), *_drifts(seen, cycles, model.size)]


def _woken(hot: list[float], warm: list[float], restores: list[float]) -> Row:
    middle = statistics.median
    added = middle(each - h - r for each, h, r in zip(warm, hot, restores, strict=True))
    expected = middle(hot) + middle(restores)
    name = "request to a warm model | hot time + restore"
    return name, f"{middle(warm):.4f} s", f"{expected:.4f} s", f"{added * 1e3:+.1f} ms", "30 ms"


def _drifts(seen: dict[str, list[int]], cycles: int, size: int) -> list[Row]:
    rows: list[Row] = [(f"wrong answers in {cycles} cycles", "0", "", "", "0")]
    for name, values in seen.items():
        late = values[WARM_UP:]
        slope = statistics.linear_regression(range(len(late)), late).slope
        drift = abs(slope * cycles) / size
        rows.append((f"drift of {name} memory in {cycles} cycles", f"{drift:.4%}", "", "", "1 %"))
    return rows


def main() -> None:
    """Write the model, run everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=2.0, help="size of the weights")
    parser.add_argument("--rounds", type=int, default=10, help="rounds of each comparison")
    parser.add_argument("--cycles", type=int, default=50, help="offloads and restores in a row")
    arguments = parser.parse_args()
    size = int(arguments.gigabytes * 1e9)
    title = f"Weights of {size / 1e9:g} GB on the CPU, {torch.get_num_threads()} threads"
    table = Table("what | against", "arena", "plain", "ratio", "bar", title=title)
    with tempfile.TemporaryDirectory() as folder:
        repository = Path(folder) / "models"
        model = weight_model(repository, "weights", size, threads=torch.get_num_threads())
        rows = peaking(model) + reading(model, arguments.rounds)
        module = module_of(model)
        arena = Arena(module)
        arena.read(module, model.checkpoint)
        rows += moving(arena, size, arguments.rounds)
        arena.close()
        rows += asyncio.run(waking(repository, model, arguments.cycles))
    for row in rows:
        table.add_row(*row)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
