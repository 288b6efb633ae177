"""Starts a Triton of its own and loads a model in Python on it: the proof that it works here."""

import tempfile
import time
from pathlib import Path

import aiohttp

from greenroom.addresses import connector
from greenroom.errors import SetupError
from greenroom.settings import Settings
from greenroom.supervisor.check_result import CheckResult
from greenroom.supervisor.ports import free_ports
from greenroom.supervisor.triton_server import TritonServer

_CHECK = "trial run"
_CONFIG = """backend: "python"
max_batch_size: 1
input [ { name: "IN" data_type: TYPE_FP32 dims: [ 1 ] } ]
output [ { name: "OUT" data_type: TYPE_FP32 dims: [ 1 ] } ]
instance_group [ { kind: KIND_CPU } ]
"""
_MODEL = """class TritonPythonModel:
    def execute(self, requests):
        return []
"""


async def trial_run(settings: Settings) -> CheckResult:
    """Start the server on free ports, load a model and end it again; takes about a second."""
    with tempfile.TemporaryDirectory(prefix="greenroom-trial-") as folder:
        trial = _settings(settings, Path(folder))
        begun = time.monotonic()
        try:
            async with TritonServer(trial, log=lambda name, line: None) as server:
                version = await _load(server)
        except SetupError as error:
            return CheckResult.fail(_CHECK, str(error))
        took = time.monotonic() - begun
    return CheckResult.ok(_CHECK, f"Triton {version} started and loaded a model in {took:.1f} s")


async def _load(server: TritonServer) -> str:
    """Load the model and return the version of the server."""
    base = f"{server.endpoints.http_url}/v2"
    through = connector(server.endpoints.http_socket)
    async with aiohttp.ClientSession(connector=through) as session:
        async with session.post(f"{base}/repository/models/trial/load") as loaded:
            if loaded.status != 200:
                raise SetupError(f"Triton cannot load a model in Python: {await loaded.text()}")
        async with session.get(base) as metadata:
            return str((await metadata.json())["version"])


def _settings(settings: Settings, folder: Path) -> Settings:
    model = folder / "models" / "trial"
    (model / "1").mkdir(parents=True)
    (model / "config.pbtxt").write_text(_CONFIG)
    (model / "1" / "model.py").write_text(_MODEL)
    return settings.model_copy(
        update={
            "triton_listen": "unix",
            "triton_host": None,
            "triton_metrics_host": None,
            "triton_metrics_port": free_ports(1)[0],
            "runtime_dir": folder,
            "shared_dir": folder,
            "model_repository": (folder / "models",),
            "ensemble_repository": None,
        }
    )
