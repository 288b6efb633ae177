#!/usr/bin/env python3
"""Holds the simulation against the service: the same trace on both.

Models with set seconds of load, restore and offload, and a budget for half of them; a Zipf trace
is replayed by Locust on a real service, three times, then simulated with costs that another run
has measured. Hot, warm and cold shares must be within 2 points of the runs' mean, the mean wait
within 15 % of theirs or inside their spread.

usage: benchmarks/simulation.py [--requests 1000] [--runs 3] [--seconds 200]
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from greenroom.settings import Settings
from greenroom.simulate.configuration import Configuration
from greenroom.simulate.costs import Costs
from greenroom.simulate.measured import read_measured
from greenroom.simulate.play import play
from greenroom.simulate.synthetic import zipf_trace
from greenroom.simulate.trace import Trace
from greenroom.simulate.trace_file import Columns, read_trace, write_trace
from greenroom.simulate.world import World
from greenroom.supervisor import Service
from greenroom.supervisor.ports import free_settings

HERE = Path(__file__).parent
MODELS = 6
SIZE = 1_000_000
PACE = {"load": 2.0, "restore": 0.4, "offload": 0.05, "bytes": SIZE}
POLICY = {"offload_after": 2.0, "unload_after": 30.0}
COSTS = ("load", "restore", "offload", "unload")
STARTS = ("hot", "warm", "cold")
CONFIG = """name: "{name}"
backend: "python"
max_batch_size: 8
input [
  {{ name: "SECONDS" data_type: TYPE_FP32 dims: [ 1 ] optional: true }},
  {{ name: "RESIDENCY" data_type: TYPE_STRING dims: [ 1 ] optional: true }}
]
output [
  {{ name: "SECONDS_WORKED" data_type: TYPE_FP32 dims: [ 1 ] }},
  {{ name: "RESIDENCY_REPORT" data_type: TYPE_STRING dims: [ 1 ] }}
]
parameters {{ key: "engine" value {{ string_value: "paced_engine:PacedEngine" }} }}
parameters {{ key: "offload_after" value {{ string_value: "{offload_after}" }} }}
parameters {{ key: "unload_after" value {{ string_value: "{unload_after}" }} }}
instance_group [ {{ count: 1 kind: KIND_CPU }} ]
"""


def write_models(repository: Path, names: list[str]) -> None:
    for name in names:
        version = repository / name / "1"
        version.mkdir(parents=True)
        (version.parent / "config.pbtxt").write_text(CONFIG.format(name=name, **POLICY))
        (version / "pace.json").write_text(json.dumps(PACE))
        for part in ("model.py", "paced_engine.py"):
            (version / part).write_text((HERE / "paced_model" / part).read_text())


def write_files(folder: Path, trace: Trace) -> None:
    write_models(folder / "models", list(trace.names))
    with (folder / "trace.csv").open("w") as file:
        write_trace(trace, file)


def made_trace(requests: int, seconds: float, seed: int) -> Trace:
    """A Zipf trace in so many seconds, with 20 ms of work at the median."""
    drawn = zipf_trace(requests, MODELS, 1, exponent=0.7, burst=2, work=0.02, seed=seed)
    times = drawn.times * (seconds / drawn.times[-1])
    return Trace(drawn.names, times, drawn.models, drawn.seconds)


async def replayed(folder: Path, trace: Trace, configuration: Configuration | None = None) -> Path:
    """Replay on a service of its own; the request log. Takes its costs up, where asked."""
    write_files(folder, trace)
    log = folder / "requests.log"
    settings: Settings = free_settings(
        model_repository=folder / "models",
        runtime_dir=folder / "runtime",
        gpu_budget_bytes=MODELS // 2 * SIZE,
        request_log=str(log),
    )
    service = Service(settings, log=lambda name, line: None, plugins=())
    await service.start()
    try:
        locust = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "locust", "-f", str(HERE / "replay" / "locustfile.py")),
            *("--headless", "--host", service.url, "--trace", str(folder / "trace.csv")),
            *("--loglevel", "WARNING", "--only-summary"),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        await locust.wait()
        if configuration:
            await asyncio.to_thread(read_measured, configuration, service.url, None)
    finally:
        await service.stop()
    return log


def seen(log: Path) -> tuple[dict[str, float], float, int]:
    """Shares in percent by start, the mean wait in seconds, and requests, of a request log."""
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    rows = [row for row in rows if row["outcome"] == "served" and row["start"]]
    starts = Counter(row["start"] for row in rows)
    shares = {start: 100 * starts[start] / len(rows) for start in STARTS}
    return shares, statistics.mean(row["wait_seconds"] for row in rows), len(rows)


def as_measured(trace: Trace, asked: Trace, configuration: Configuration) -> Trace:
    """The work as long as leases were in the other run: Triton and the network take time too."""
    means = asked.mean_seconds()
    more = [(configuration.named(n).costs.run or 0) - means.get(n, 0) for n in trace.names]
    return replace(trace, seconds=trace.seconds + np.maximum(more, 0)[trace.models])


def simulated(trace: Trace, configuration: Configuration) -> tuple[dict[str, float], float]:
    world = World(configuration.models, configuration.other, MODELS // 2 * SIZE)
    result = play(trace, world).as_json()
    shares = {start: 100 * result[start] / result["requests"] for start in STARTS}
    return shares, result["wait_seconds"]["mean"]


def line(name: str, shares: dict[str, float], wait: float) -> str:
    told = "  ".join(f"{start} {shares[start]:5.1f} %" for start in STARTS)
    return f"{name:10} {told}  mean wait {wait * 1000:6.1f} ms"


async def main() -> None:
    usage = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    usage.add_argument("--requests", type=int, default=1000)
    usage.add_argument("--runs", type=int, default=3)
    usage.add_argument("--seconds", type=float, default=200.0)
    given = usage.parse_args()
    trace = made_trace(given.requests, given.seconds, seed=1)
    configuration = Configuration(Costs(at_once=64))
    with tempfile.TemporaryDirectory() as folder:
        other = made_trace(given.requests, given.seconds, seed=2)
        await replayed(Path(folder) / "costs", other, configuration)
        runs = []
        for number in range(given.runs):
            log = await replayed(Path(folder) / f"run{number}", trace)
            shares, wait, count = seen(log)
            runs.append((shares, wait))
            print(line(f"run {number + 1}", shares, wait), f" {count} served", flush=True)
            if count < given.requests:
                sys.exit(f"{given.requests} requests were sent; those without a lease count too.")
        work = 1000 * read_trace(log, Columns()).seconds.mean()
        print(f"work of a request: {work:.1f} ms, {1000 * trace.seconds.mean():.1f} ms were asked")
    for name, model in configuration.models.items():
        told = (f"{action} {getattr(model.costs, action):.3f} s" for action in COSTS)
        print(f"{name}: {', '.join(told)}")
    mean = {start: statistics.mean(shares[start] for shares, _ in runs) for start in STARTS}
    waits = [wait for _, wait in runs]
    print(line("mean", mean, statistics.mean(waits)))
    shares, wait = simulated(as_measured(trace, other, configuration), configuration)
    print(line("simulated", shares, wait))
    far = max(abs(shares[start] - mean[start]) for start in STARTS)
    ratio = wait / statistics.mean(waits)
    inside = min(waits) <= wait <= max(waits)
    print(f"shares within {far:.1f} points (bar 2), mean wait {ratio:.2f} of theirs (0.85 to 1.15)")
    sys.exit(0 if far <= 2 and (abs(ratio - 1) <= 0.15 or inside) else 1)


if __name__ == "__main__":
    asyncio.run(main())
