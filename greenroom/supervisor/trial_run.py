"""Starts a Triton of its own and loads a model in Python on it: the proof that it works here."""

import tempfile
import time
from pathlib import Path

from greenroom.errors import GreenroomError
from greenroom.settings import Settings
from greenroom.supervisor.check_result import CheckResult
from greenroom.supervisor.ports import free_ports
from greenroom.supervisor.triton_server import TritonServer
from greenroom.triton.trial_model import load_trial_model, write_trial_model

_CHECK = "trial run"


async def trial_run(settings: Settings) -> CheckResult:
    """Start the server on free ports, load a model and end it again; takes about a second."""
    with tempfile.TemporaryDirectory(prefix="greenroom-trial-") as folder:
        trial = _settings(settings, Path(folder))
        begun = time.monotonic()
        try:
            async with TritonServer(trial, log=lambda name, line: None) as server:
                version = await load_trial_model(server.grpc_address, server.key)
        except GreenroomError as error:
            return CheckResult.fail(_CHECK, str(error))
        took = time.monotonic() - begun
    return CheckResult.ok(_CHECK, f"Triton {version} started and loaded a model in {took:.1f} s")


def _settings(settings: Settings, folder: Path) -> Settings:
    write_trial_model(folder / "models")
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
