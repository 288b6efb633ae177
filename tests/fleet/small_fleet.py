"""A fleet of two replicas with keys, by the command that users have."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import yaml
from own_ports import own_ports

from greenroom.fleet.cluster import ray_command
from greenroom.fleet.token import ray_environment
from greenroom.settings import Settings
from greenroom.supervisor.ports import free_ports

EXAMPLES = Path(__file__).parents[2] / "examples" / "models"
ADMIN, INFERENCE = "a" * 20, "i" * 20
START_TIMEOUT = 300


class Fleet:
    """Its environment and its doors; a setting that is None keeps its default."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        # Beyond Ray's range for workers, which ends at 19999.
        self.ports = {name: port + 10_000 for name, port in own_ports().items()}
        given = {"runtime_dir": folder, "model_repository": EXAMPLES, **self.ports, **settings}
        self.environment = dict(os.environ) | {
            f"GREENROOM_{name.upper()}": str(value)
            for name, value in given.items()
            if value is not None
        }
        self.http_port, self.grpc_port = self.ports["http_port"], self.ports["grpc_port"]
        self.ray_port = self.ports["triton_http_port"]  # replicas take others
        self.url = f"http://127.0.0.1:{self.http_port}"

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(Path(sys.executable).with_name("greenroom")), "fleet", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=START_TIMEOUT,
        )

    def up(self, *arguments: str) -> None:
        done = self.command("up", "--ray-port", str(self.ray_port), *arguments)
        assert done.returncode == 0, done.stderr[-3000:] + done.stdout

    def up_with_machines(self, machines: int, **options: Any) -> None:
        """A head without a GPU, and so many raylets with a pretended one each, one a replica.

        `options` are what a config file says.
        """
        folder = Path(self.environment["GREENROOM_RUNTIME_DIR"])
        config = folder / "fleet.yaml"
        options = {"replicas": machines, "gpus_per_replica": 1, **options}
        config.write_text(yaml.safe_dump({"applications": [{"args": options}]}))
        with ThreadPoolExecutor(1) as pool:  # it waits for replicas, which wait for machines
            started = pool.submit(self.up, "--config", str(config))
            head = folder / f"fleet-{self.http_port}" / "address"
            while not head.exists() and not started.done():
                time.sleep(0.1)
            for _ in range(machines):
                self.join(head.read_text())
            started.result()

    def join(self, head: str) -> None:
        """Start another raylet, as the line that `up` prints does on another machine."""
        given = Settings(
            runtime_dir=self.environment["GREENROOM_RUNTIME_DIR"], http_port=self.http_port
        )
        [agent] = free_ports(1)
        # The ports of several machines, which here are one.
        apart = [f"--dashboard-agent-listen-port={agent}", "--min-worker-port=0"]
        apart += ["--max-worker-port=0", "--node-ip-address=127.0.0.1"]
        done = subprocess.run(
            ray_command("start", f"--address={head}", "--num-gpus=1", *apart),
            env=ray_environment(given, self.environment),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr + done.stdout

    def client(self, key: str | None = ADMIN) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=120)

    def own_doors(self) -> list[httpx.Client]:
        """A client of each replica's own gateway, past the fleet's door."""
        ports = set()
        for process in self.processes():
            with suppress(psutil.Error):
                if "greenroom.fleet.own_greenroom" in process.cmdline():
                    ports.add(process.environ()["GREENROOM_HTTP_PORT"])
        headers = {"Authorization": f"Bearer {ADMIN}"}
        return [
            httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=120)
            for port in sorted(ports)
        ]

    def residency(self) -> Mapping[str, Mapping[str, str]]:
        """Of each replica, of each model."""
        with self.client() as client:
            replicas = client.get("/residency").raise_for_status().json()["replicas"]
        return {
            name: {model: shown["residency"] for model, shown in one["models"].items()}
            for name, one in replicas.items()
        }

    def processes(self) -> list[psutil.Process]:
        """Its Greenrooms, and what runs below them."""
        found: list[psutil.Process] = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get("_GREENROOM_FLEET", "").endswith(f"-{self.http_port}"):
                    found += [process, *process.children(recursive=True)]
        return [process for process in dict.fromkeys(found) if process.is_running()]
