"""How long a request takes by the state of its model and by how many ask at the same time.

A model with weights is asked through the gateway, and directly on a Triton of its own, which
has no gateway before it. Directly, whoever finds the model cold has to load it himself, and one
that is warm restores itself. Rounds alternate between the two ways; hot, the clients ask again
and again, and a warm or cold round is one request of each client, all at the same time.

usage: .venv/bin/python benchmarks/latency_by_clients.py [--megabytes 64] [--rounds 4]
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import httpx
import numpy as np
import tritonclient.grpc.aio as triton_grpc
from rich.console import Console
from rich.table import Table

from greenroom.residency.policy import Policy
from greenroom.settings import PROJECT, Settings
from greenroom.supervisor import Service, TritonServer
from greenroom.supervisor.ports import free_settings
from greenroom.triton.key import GRPC_METADATA

sys.path.append(str(PROJECT / "tests"))
from managed_models import WeightModel, weight_model

CLIENTS = (1, 2, 4, 8)
MODEL = "weights"
HOT_SECONDS = 1.0
"""Length of a hot round."""
WARM_ROUNDS = 4
"""Warm rounds for each cold one: they are quick."""
COLUMNS = ("model", "clients", "requests", "direct p50", "p95", "gateway p50", "p95", "p50 ratio")


class Way(Protocol):
    """One of the two ways to the model."""

    async def hot(self) -> None:
        """Bring the model to be hot."""

    async def warm(self) -> None:
        """Bring it to be warm."""

    async def cold(self) -> None:
        """Bring it to be cold."""

    async def ask(self, state: str) -> None:
        """Do what a client does that finds the model so."""


class Through:
    """Through the gateway: a client only asks."""

    def __init__(self, service: Service, grpc: Any, model: WeightModel) -> None:
        self._web = httpx.AsyncClient(base_url=service.url, timeout=120)
        self._grpc = grpc
        self._model = model

    async def hot(self) -> None:
        """Bring the model to be hot."""
        await self.ask("hot")

    async def warm(self) -> None:
        """Bring it to be warm."""
        await self.hot()
        await self._act("offload")

    async def cold(self) -> None:
        """Bring it to be cold."""
        await self._act("unload")

    async def ask(self, state: str) -> None:
        """Ask, whatever the state is."""
        await checked_infer(self._grpc, self._model)

    async def _act(self, verb: str) -> None:
        (await self._web.post(f"/residency/{MODEL}/{verb}")).raise_for_status()


class Direct:
    """On Triton itself: a client loads the model first if it is cold."""

    def __init__(self, server: TritonServer, grpc: Any, model: WeightModel) -> None:
        self._key = {GRPC_METADATA: server.key}
        self._grpc = grpc
        self._model = model

    async def hot(self) -> None:
        """Bring the model to be hot."""
        await self.ask("cold")

    async def warm(self) -> None:
        """Bring it to be warm."""
        await self.hot()
        control = triton_grpc.InferInput("RESIDENCY", [1, 1], "BYTES")
        order = json.dumps({"action": "offload"}).encode()
        control.set_data_from_numpy(np.array([[order]], np.object_))
        report = (await self._grpc.infer(MODEL, [control])).as_numpy("RESIDENCY_REPORT").item()
        assert json.loads(report)["residency"] == "warm", report

    async def cold(self) -> None:
        """Bring it to be cold."""
        await self._grpc.unload_model(MODEL, headers=self._key)
        while await self._state() == "UNLOADING":  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    async def ask(self, state: str) -> None:
        """Ask; load it before if it is cold."""
        if state == "cold":
            await self._grpc.load_model(MODEL, headers=self._key)
        await checked_infer(self._grpc, self._model)

    async def _state(self) -> str:
        index = await self._grpc.get_model_repository_index(headers=self._key, as_json=True)
        return next(each.get("state", "") for each in index["models"] if each["name"] == MODEL)


async def checked_infer(client: Any, model: WeightModel) -> None:
    result = await client.infer(MODEL, model.inputs(7))
    assert result.as_numpy("SUM").item() == model.answer(7)


async def latencies(way: Way, state: str, clients: int) -> list[float]:
    """Return the seconds of the requests of one round."""
    await getattr(way, state)()
    taken: list[float] = []
    end = time.perf_counter() + (HOT_SECONDS if state == "hot" else 0.0)

    async def one() -> None:
        while True:
            begin = time.perf_counter()
            await way.ask(state)
            taken.append(time.perf_counter() - begin)
            if time.perf_counter() >= end:
                return

    await asyncio.gather(*(one() for _ in range(clients)))
    return taken


async def row(ways: tuple[Way, Way], state: str, clients: int, rounds: int) -> tuple[str, ...]:
    """Measure one line of the table."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for way, seconds in zip(ways, taken, strict=True):
            seconds += await latencies(way, state, clients)
    medians = [statistics.median(seconds) for seconds in taken]
    p95 = [float(np.percentile(seconds, 95)) for seconds in taken]
    return (
        state,
        str(clients),
        f"{len(taken[0])}, {len(taken[1])}",
        *(text for pair in zip(medians, p95, strict=True) for text in map(told, pair)),
        f"{medians[1] / medians[0]:.2f}",
    )


def told(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1e3:.1f} ms"


@asynccontextmanager
async def both_ways(folder: Path, megabytes: int) -> AsyncIterator[tuple[Way, Way]]:
    """Start a bare Triton and a whole service with the same model."""
    model = weight_model(folder / "models", MODEL, megabytes * 2**20)
    (folder / "ensembles").mkdir()

    def settings(name: str) -> Settings:
        return free_settings(
            runtime_dir=folder / name,
            model_repository=folder / "models",
            ensemble_repository=folder / "ensembles",
            policy={MODEL: Policy(offload_after=-1, unload_after=-1)},
        )

    def quiet(name: str, line: str) -> None:
        pass

    async with (
        TritonServer(settings("direct"), log=quiet) as server,
        Service(settings("gateway"), log=quiet) as service,
        triton_grpc.InferenceServerClient(server.grpc_address) as far,
        triton_grpc.InferenceServerClient(f"127.0.0.1:{service.settings.grpc_port}") as near,
    ):
        yield Direct(server, far, model), Through(service, near, model)


async def main() -> None:
    """Measure all lines and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=64, help="size of the model's weights")
    parser.add_argument("--rounds", type=int, default=4, help="rounds of each way, cold and hot")
    arguments = parser.parse_args()
    table = Table(*COLUMNS, title=f"Latency by clients, a model of {arguments.megabytes} MiB")
    with tempfile.TemporaryDirectory() as folder:
        async with both_ways(Path(folder), arguments.megabytes) as ways:
            for way in ways:
                await way.hot()
            for state in ("hot", "warm", "cold"):
                rounds = arguments.rounds * (WARM_ROUNDS if state == "warm" else 1)
                for clients in CLIENTS:
                    table.add_row(*await row(ways, state, clients, rounds))
    Console(width=120).print(table)


if __name__ == "__main__":
    asyncio.run(main())
