"""What the gateway costs: an echo model through it and directly, in one run.

Prints, for both protocols, 64 B and 640 kB, 1 and 4 clients: p50 and requests a second on both
ways, the added p50 and the ratio of the throughputs. Rounds alternate between the two ways; each
number is the median of its rounds. The load comes from tritonclient's asyncio clients in this
process.

usage: .venv/bin/python benchmarks/gateway_overhead.py [--seconds 2] [--rounds 5]
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import tritonclient.grpc.aio as triton_grpc
import tritonclient.http.aio as triton_http
from rich.console import Console
from rich.table import Table

from greenroom.residency.policy import Policy
from greenroom.settings import PROJECT
from greenroom.supervisor import Service
from greenroom.supervisor.ports import free_settings
from greenroom.triton.key import GRPC_METADATA, HTTP_HEADER

SIZES = {"64 B": 16, "640 kB": 160_000}
CLIENTS = (1, 4)
COLUMNS = ("protocol", "size", "clients", "direct p50", "gateway p50", "added p50",
           "direct /s", "gateway /s", "ratio")  # fmt: skip

Ask = Callable[[], Awaitable[object]]


class Key(triton_grpc.InferenceServerClientPlugin):
    """Sends Triton's key with every call."""

    def __init__(self, headers: dict[str, str]) -> None:
        self._headers = headers

    def __call__(self, request: Any) -> None:
        """Add it, as tritonclient lets its users do."""
        request.headers.update(self._headers)


def asker(protocol: str, client: object, samples: int) -> Ask:
    """Return a function that sends one request."""
    module = triton_grpc if protocol == "gRPC" else triton_http
    tensor = module.InferInput("INPUT", [1, samples], "FP32")
    tensor.set_data_from_numpy(np.zeros((1, samples), np.float32))
    return lambda: client.infer("echo", [tensor])


async def measure(ask: Ask, clients: int, seconds: float) -> tuple[float, float]:
    """Return the p50 in ms and the requests per second of so many clients at once."""
    taken: list[float] = []
    end = time.perf_counter() + seconds

    async def one() -> None:
        while (started := time.perf_counter()) < end:
            await ask()
            taken.append(time.perf_counter() - started)

    await asyncio.gather(*(one() for _ in range(clients)))
    return statistics.median(taken) * 1e3, len(taken) / seconds


async def compare(
    direct: Ask, gateway: Ask, clients: int, arguments: argparse.Namespace
) -> tuple[str, ...]:
    """Return a row: medians over alternating rounds."""
    rounds = []
    for ask in (direct, gateway):
        await measure(ask, clients, 0.3)
    for _ in range(arguments.rounds):
        rounds.append(
            (
                *await measure(direct, clients, arguments.seconds),
                *await measure(gateway, clients, arguments.seconds),
            )
        )
    there, there_rate, here, here_rate = (
        statistics.median(each) for each in zip(*rounds, strict=True)
    )
    ratio = statistics.median(row[3] / row[1] for row in rounds)
    return (
        f"{there:.2f} ms", f"{here:.2f} ms", f"{here - there:+.2f} ms",
        f"{there_rate:.0f}", f"{here_rate:.0f}", f"{ratio:.2f}",
    )  # fmt: skip


async def main() -> None:
    """Start a service, run all cases and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a round")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each case")
    arguments = parser.parse_args()
    table = Table(*COLUMNS, title="Through the gateway against direct Triton")
    with tempfile.TemporaryDirectory() as runtime:
        settings = free_settings(
            runtime_dir=Path(runtime),
            model_repository=PROJECT / "tests" / "models",
            ensemble_repository=PROJECT / "tests" / "ensembles",
            policy={"echo": Policy(pinned=True)},
            triton_listen="127.0.0.1",  # tritonclient.http knows no sockets
        )
        async with Service(settings, log=lambda name, line: None) as service:
            headers = {HTTP_HEADER: service.triton.key, GRPC_METADATA: service.triton.key}
            for protocol, module, near, far in (
                ("gRPC", triton_grpc, settings.grpc_port, settings.triton_grpc_port),
                ("HTTP", triton_http, settings.http_port, settings.triton_http_port),
            ):
                async with (
                    module.InferenceServerClient(f"127.0.0.1:{far}") as direct,
                    module.InferenceServerClient(f"127.0.0.1:{near}") as gateway,
                ):
                    direct.register_plugin(Key(headers))
                    for size, samples in SIZES.items():
                        ways = [asker(protocol, way, samples) for way in (direct, gateway)]
                        await ways[1]()  # the model is loaded from here on
                        for clients in CLIENTS:
                            row = await compare(*ways, clients, arguments)
                            table.add_row(protocol, size, str(clients), *row)
    Console(width=120).print(table)


if __name__ == "__main__":
    asyncio.run(main())
