"""A fleet of two replicas with keys, by the command that users have."""

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
from own_ports import own_ports

EXAMPLES = Path(__file__).parents[2] / "examples" / "models"
ADMIN, INFERENCE = "a" * 20, "i" * 20
START_TIMEOUT = 300


class Fleet:
    """Its environment and its doors."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.ports = own_ports()
        given = {"runtime_dir": folder, "model_repository": EXAMPLES, **self.ports, **settings}
        self.environment = dict(os.environ) | {
            f"GREENROOM_{name.upper()}": str(value) for name, value in given.items()
        }
        self.http_port, self.grpc_port = self.ports["http_port"], self.ports["grpc_port"]
        # Beyond Ray's range for workers, which ends at 19999.
        self.ray_port = 20_000 + self.ports["triton_http_port"] % 10_000
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

    def client(self, key: str | None = ADMIN) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=120)

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
