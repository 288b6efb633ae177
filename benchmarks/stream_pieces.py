"""What the gateway costs a stream: pieces through it, and pulled from Triton directly, in one run.

Prints, for pieces of 0 B, 48 kB and 480 kB (0.5 s and 5 s of sound), the time from one piece to the
next on both ways, and what the gateway adds. The model makes a piece in no time. Rounds alternate
between the two ways; each number is the median over the rounds.

usage: .venv/bin/python benchmarks/stream_pieces.py [--pieces 300] [--rounds 5]
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import tritonclient.grpc.aio as triton_grpc
from gateway_overhead import Key
from rich.console import Console
from rich.table import Table

from greenroom.residency.policy import Policy
from greenroom.settings import PROJECT
from greenroom.supervisor import Service
from greenroom.supervisor.ports import free_settings
from greenroom.triton.key import GRPC_METADATA

SIZES = {"0 B": 0, "48 kB": 48_000, "480 kB": 480_000}
MODEL = "pour"


def tensor(name: str, value: int | str) -> triton_grpc.InferInput:
    """Return an input of one value."""
    made = triton_grpc.InferInput(name, [1, 1], "BYTES" if isinstance(value, str) else "INT32")
    kept = [[value.encode()]] if isinstance(value, str) else [[value]]
    made.set_data_from_numpy(np.array(kept, object if isinstance(value, str) else np.int32))
    return made


async def pulled(
    client: triton_grpc.InferenceServerClient, pieces: int, size: int
) -> AsyncIterator[float]:
    """Yield the time of each piece, pulled as the gateway does it."""

    def order(action: str) -> triton_grpc.InferInput:
        return tensor("STREAM", json.dumps({"action": action, "id": "benchmark"}))

    await client.infer(MODEL, [tensor("COUNT", pieces), tensor("SIZE", size), order("start")])
    for _ in range(pieces):
        await client.infer(MODEL, [order("next")])
        yield time.perf_counter()


async def streamed(
    client: triton_grpc.InferenceServerClient, pieces: int, size: int
) -> AsyncIterator[float]:
    """Yield the time of each piece of a stream through the gateway."""

    async def requests() -> AsyncIterator[dict[str, object]]:
        inputs = [tensor("COUNT", pieces), tensor("SIZE", size)]
        yield {"model_name": MODEL, "inputs": inputs, "parameters": {"stream": True}}

    seen = 0
    async for _, error in client.stream_infer(requests()):
        assert error is None, error
        yield time.perf_counter()
        seen += 1
        if seen == pieces:
            return


async def round_of(times: AsyncIterator[float]) -> tuple[float, float]:
    """Return the median and the 95th percentile of the gaps between pieces, in ms."""
    came = [at async for at in times]
    gaps = [1e3 * (later - at) for at, later in pairwise(came)]
    return statistics.median(gaps), statistics.quantiles(gaps, n=20)[-1]


async def main() -> None:
    """Start a service, run all cases and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pieces", type=int, default=300, help="pieces of a round")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each case")
    arguments = parser.parse_args()
    columns = ("piece", "direct p50", "gateway p50", "added p50", "direct p95", "gateway p95")
    table = Table(*columns, title="From one piece to the next")
    with tempfile.TemporaryDirectory() as runtime:
        settings = free_settings(
            runtime_dir=Path(runtime),
            model_repository=PROJECT / "tests" / "walked",
            ensemble_repository=None,
            policy={MODEL: Policy(pinned=True)},
        )
        async with (
            Service(settings, log=lambda name, line: None) as service,
            triton_grpc.InferenceServerClient(service.triton.grpc_address) as direct,
            triton_grpc.InferenceServerClient(f"127.0.0.1:{settings.grpc_port}") as gateway,
        ):
            direct.register_plugin(Key({GRPC_METADATA: service.triton.key}))
            await gateway.infer(MODEL, [tensor("COUNT", 1)])
            for label, size in SIZES.items():
                rounds = [
                    (
                        *await round_of(pulled(direct, arguments.pieces, size)),
                        *await round_of(streamed(gateway, arguments.pieces, size)),
                    )
                    for _ in range(arguments.rounds)
                ]
                p50, p95, ours, ours95 = map(statistics.median, zip(*rounds, strict=True))
                shown = (p50, ours, ours - p50, p95, ours95)
                table.add_row(label, *(f"{number:.2f} ms" for number in shown))
    Console(width=100).print(table)


if __name__ == "__main__":
    asyncio.run(main())
