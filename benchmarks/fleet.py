"""What routing by residency saves: the same requests through it and through Ray's own router.

A fleet of replicas on this machine and as many toy models (a load takes 2 s, a restore 0.5 s, an
answer 20 ms); each replica has memory for one. Clients ask for a random model. Then one model gets
all the load, at one replica and at all of them: how fast a second copy helps, and when it is gone.
Each fleet is started anew; loads and restores are counted by the replicas' own metrics.

usage: .venv/bin/python benchmarks/fleet.py [--replicas 3] [--requests 480] [--clients 4]
       .venv/bin/python benchmarks/fleet.py --only hot
"""

import argparse
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from greenroom.supervisor.ports import free_ports

SIZE = 2**20
LOAD, RESTORE = 2.0, 0.5
ENGINE = f"""
import time
from greenroom.managed.engine import Memory, OneByOne

class Toy(OneByOne):
    name = "toy"
    def __init__(self, settings):
        time.sleep({LOAD})
        self.held = {SIZE}
    def answer(self, request):
        time.sleep(float(request["SECONDS"][0]))
        return {{"DONE": request["SECONDS"]}}
    def offload(self):
        self.held = 0
    def restore(self):
        time.sleep({RESTORE})
        self.held = {SIZE}
    def memory(self):
        return Memory(device_bytes=self.held, host_bytes={SIZE})
    def close(self):
        pass
"""
MODEL = """
from greenroom.managed.managed_model import ManagedModel

class TritonPythonModel(ManagedModel):
    required = ("SECONDS",)
"""
CONFIG = """
backend: "python"
max_batch_size: 8
input [ { name: "SECONDS" data_type: TYPE_FP32 dims: [ 1 ] optional: true },
        { name: "RESIDENCY" data_type: TYPE_STRING dims: [ 1 ] optional: true } ]
output [ { name: "DONE" data_type: TYPE_FP32 dims: [ 1 ] },
         { name: "RESIDENCY_REPORT" data_type: TYPE_STRING dims: [ 1 ] } ]
parameters { key: "engine" value { string_value: "toy_engine:Toy" } }
instance_group [ { kind: KIND_CPU count: 1 } ]
"""


def repository(folder: Path, models: int) -> list[str]:
    """Write the toy models; returns their names."""
    names = [f"toy{number}" for number in range(models)]
    for name in names:
        version = folder / name / "1"
        version.mkdir(parents=True)
        (folder / name / "config.pbtxt").write_text(f'name: "{name}"\n{CONFIG}')
        (version / "model.py").write_text(MODEL)
        (version / "toy_engine.py").write_text(ENGINE)
    return names


class Fleet:
    """One that runs, and what is asked of it."""

    def __init__(self, environment: dict[str, str], port: int) -> None:
        self.environment = environment
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120)

    def command(self, *words: str) -> None:
        program = str(Path(sys.executable).with_name("greenroom"))
        subprocess.run([program, "fleet", *words], env=self.environment, check=True)

    def ask(self, model: str, seconds: float) -> tuple[int, float]:
        """Return the status and the seconds."""
        tensor = {"name": "SECONDS", "datatype": "FP32", "shape": [1, 1], "data": [seconds]}
        began = time.perf_counter()
        answer = self.client.post(f"/v2/models/{model}/infer", json={"inputs": [tensor]})
        return answer.status_code, time.perf_counter() - began

    def hot(self, model: str) -> int:
        replicas = self.client.get("/residency").json()["replicas"].values()
        return sum(one["models"][model]["residency"] == "hot" for one in replicas)

    def brought(self) -> int:
        """Loads and restores of all replicas since they were started."""
        pattern = r'^greenroom_transitions_total\{[^}]*action="(?:load|restore)"[^}]*\} (\S+)$'
        found = self.client.get("/fleet/targets").json()
        names = [target["labels"]["replica"] for target in found]
        texts = [self._metrics(name) for name in names]
        return sum(int(float(n)) for text in texts for n in re.findall(pattern, text, re.MULTILINE))

    def _metrics(self, name: str) -> str:
        """Ray's own router does not know names: it is asked until it hits upon the replica."""
        while (answer := self.client.get("/metrics", params={"replica": name})).is_error:
            pass
        return answer.text


@contextmanager
def running(replicas: int, residency: bool, offload_after: float) -> Iterator[Fleet]:
    """Start a fleet with a toy model for each of three replicas, and end it."""
    with tempfile.TemporaryDirectory() as folder:
        names = repository(Path(folder) / "models", 3)
        ports = free_ports(2)
        given: dict[str, Any] = {
            "http_port": ports[0],
            "grpc_port": ports[1],
            "runtime_dir": folder,
            "model_repository": f"{folder}/models",
            "gpu_budget_bytes": SIZE * 3 // 2,
            "gpu_reserve_bytes": 0,
            "gpu_activation_bytes": SIZE,
            "policy": json.dumps({name: {"offload_after": offload_after} for name in names}),
        }
        fleet = Fleet(
            dict(os.environ) | {f"GREENROOM_{k.upper()}": str(v) for k, v in given.items()},
            ports[0],
        )
        config = Path(folder) / "fleet.yaml"
        arguments = {"replicas": replicas, "residency_router": residency}
        config.write_text(yaml.safe_dump({"applications": [{"args": arguments}]}))
        try:
            fleet.command("up", "--config", str(config), "--ray-port", str(27_000 + ports[0] % 999))
            yield fleet
        finally:
            fleet.command("down")


def spread(options: argparse.Namespace) -> None:
    """Random models, by both routers."""
    rates = {}
    for residency in (False, True):
        with running(options.replicas, residency, -1) as fleet:
            draw = random.Random(1)
            models = [f"toy{draw.randrange(3)}" for _ in range(options.requests)]
            with ThreadPoolExecutor(options.clients) as pool:
                began = time.perf_counter()
                answers = list(pool.map(lambda model: fleet.ask(model, 0.02), models))
                took = time.perf_counter() - began
            lost = sum(status != 200 for status, _ in answers)
            seconds = sorted(s * 1000 for _, s in answers)
            rates[residency] = options.requests / took
            print(
                f"{'by residency' if residency else 'by Ray alone'}: {options.requests} requests "
                f"in {took:.1f} s ({rates[residency]:.1f}/s), {lost} lost, {fleet.brought()} loads "
                f"and restores, p50 {statistics.median(seconds):.0f} ms, "
                f"p95 {seconds[int(0.95 * len(seconds))]:.0f} ms",
                flush=True,
            )
    print(f"throughput: {rates[True] / rates[False]:.1f} times")


def hot(options: argparse.Namespace) -> None:
    """One model gets all the load, then a tenth of it."""
    rates = {}
    for replicas in (1, options.replicas):
        with running(replicas, True, 1) as fleet:
            rate, last = _asked_for(fleet, seconds=45, clients=12, pause=0.0)
            rates[replicas] = last
            print(f"{replicas} replicas: {rate:.1f}/s over 45 s, {last:.1f}/s in the last 15 s")
            if replicas > 1:
                print(f"copies under load: {fleet.hot('toy0')}")
                began = time.perf_counter()
                while time.perf_counter() - began < 40:
                    _asked_for(fleet, seconds=1, clients=1, pause=0.4)
                    if fleet.hot("toy0") <= 1:
                        break
                print(f"one copy again {time.perf_counter() - began:.1f} s after the load fell")
    print(f"throughput: {rates[options.replicas] / rates[1]:.1f} times")


def _asked_for(fleet: Fleet, seconds: float, clients: int, pause: float) -> tuple[float, float]:
    """Ask for so long; returns answers a second, over all and in the last third."""
    began = time.perf_counter()
    ends: list[float] = []

    def client(_: int) -> None:
        while time.perf_counter() - began < seconds:
            status, _ = fleet.ask("toy0", 0.2)
            assert status == 200, status
            ends.append(time.perf_counter() - began)
            time.sleep(pause)

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(client, range(clients)))
    last = sum(seconds * 2 / 3 < end <= seconds for end in ends)
    return len(ends) / seconds, last / (seconds / 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicas", type=int, default=3)
    parser.add_argument("--requests", type=int, default=480)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--only", choices=("spread", "hot"))
    options = parser.parse_args()
    for part in (spread, hot):
        if options.only in (None, part.__name__):
            part(options)


if __name__ == "__main__":
    main()
