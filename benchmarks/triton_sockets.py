"""What Triton's unix sockets save: an echo model with Triton on sockets and on TCP, in turns.

Prints the p50 of a request through the gateway for both protocols, 64 B and 640 kB, and of one that
asks Triton directly by gRPC. Rounds alternate between the two; each number is the median of its
rounds.

usage: .venv/bin/python benchmarks/triton_sockets.py [--seconds 1] [--rounds 5]
"""

import argparse
import asyncio
import statistics
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

import tritonclient.grpc.aio as triton_grpc
import tritonclient.http.aio as triton_http
from gateway_overhead import SIZES, Ask, Key, asker, measure
from rich.console import Console
from rich.table import Table

from greenroom.residency.policy import Policy
from greenroom.settings import PROJECT
from greenroom.supervisor import Service
from greenroom.supervisor.ports import free_settings
from greenroom.triton.key import GRPC_METADATA

LISTENS = ("127.0.0.1", "unix")


async def ways(stack: AsyncExitStack, folder: Path, listen: str) -> dict[tuple[str, str], Ask]:
    """Start a service; return by way and size how it is asked."""
    settings = free_settings(
        runtime_dir=folder / listen,
        model_repository=PROJECT / "tests" / "models",
        ensemble_repository=PROJECT / "tests" / "ensembles",
        policy={"echo": Policy(pinned=True)},
        triton_listen=listen,
    )
    service = Service(settings, log=lambda name, line: None, plugins=())
    await stack.enter_async_context(service)
    triton, enter = service.triton, stack.enter_async_context
    assert triton
    clients = {
        "gateway HTTP": (triton_http, f"127.0.0.1:{settings.http_port}"),
        "gateway gRPC": (triton_grpc, f"127.0.0.1:{settings.grpc_port}"),
        "direct gRPC": (triton_grpc, triton.grpc_address),
    }
    found: dict[tuple[str, str], Ask] = {}
    for way, (module, address) in clients.items():
        client = await enter(module.InferenceServerClient(address))
        if way == "direct gRPC":
            client.register_plugin(Key({GRPC_METADATA: triton.key}))
        for size, samples in SIZES.items():
            found[way, size] = asker(way.split()[-1], client, samples)
    await found["gateway gRPC", "64 B"]()  # the model is loaded from here on
    return found


async def main() -> None:
    """Start both services, run all cases and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="length of a round")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each case")
    arguments = parser.parse_args()
    table = Table("way", "size", "TCP p50", "socket p50", "saved", title="Triton on sockets")
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncExitStack() as stack:
            tcp, sockets = [await ways(stack, Path(folder), listen) for listen in LISTENS]
            for way, size in tcp:
                rounds = [
                    [(await measure(each[way, size], 1, arguments.seconds))[0] for each in pair]
                    for pair in [(tcp, sockets)] * arguments.rounds
                ]
                before, after = (statistics.median(each) for each in zip(*rounds, strict=True))
                row = (f"{before:.3f} ms", f"{after:.3f} ms", f"{before - after:+.3f} ms")
                table.add_row(way, size, *row)
    Console(width=120).print(table)


if __name__ == "__main__":
    asyncio.run(main())
