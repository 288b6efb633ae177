"""A service of the load test's own, on free ports, as the shape needs it."""

import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from load_shapes import CROWD, Shape

from greenroom.residency.policy import Policy
from greenroom.supervisor import Service
from greenroom.supervisor.child import Log
from greenroom.supervisor.ports import free_settings

WEIGHTS = 32 * 2**20
"""Bytes of one of the models that share a budget."""


@asynccontextmanager
async def own_service(shape: Shape, log: Log, **more: Any) -> AsyncIterator[Service]:
    """Start a service, with `more` settings; it is stopped, its folder gone, after the block."""
    with tempfile.TemporaryDirectory(prefix="greenroom-load-") as folder:
        settings = free_settings(
            host="127.0.0.1",
            api_keys=None,
            api_keys_file=None,
            runtime_dir=Path(folder) / "runtime",
            **(_crowded(Path(folder)) if shape.models == CROWD else {}),
            **more,
        )
        async with Service(settings, log=log, plugins=()) as service:
            yield service


def _crowded(folder: Path) -> dict[str, Any]:
    """Write three models with weights; return the settings for room for two and a half."""
    sys.path.append(str(Path(__file__).parent.parent))
    from managed_models import weight_model  # imports torch

    for seed, name in enumerate(CROWD):
        weight_model(folder / "models", name, WEIGHTS, seed=seed)
    (folder / "ensembles").mkdir()
    return {
        "model_repository": folder / "models",
        "ensemble_repository": folder / "ensembles",
        "gpu_budget_bytes": WEIGHTS * 5 // 2,
        "gpu_activation_bytes": 0,
        "max_overtaken": 1,
        "policy": dict.fromkeys(CROWD, Policy(offload_after=-1, unload_after=-1)),
    }
