"""One service, alone or under the eyes of a real Prometheus."""

import shutil
from pathlib import Path

import pytest_asyncio
from monitored_service import MonitoredService, Serving
from own_ports import own_ports
from programs import program
from prometheus_server import Prometheus
from running import Running
from shortened_rules import write_shortened

from greenroom.residency.policy import Policy
from greenroom.settings import PROJECT, Settings

HERE = Path(__file__).parent
TO_LOOK, TO_ACT = "a-key-to-look-around", "a-key-to-act-by-hand"
POLICY = {
    "tts": Policy(offload_after=0.3, unload_after=-1),
    "fickle": Policy(offload_after=-1, unload_after=-1),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def serving(tmp_path_factory):
    """Return the service, which knows a key to look and a key to act."""
    folder = tmp_path_factory.mktemp("serving")
    for source in (PROJECT / "model_repository", HERE / "models"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, folder / "models", dirs_exist_ok=True, ignore=ignored)
    settings = Settings(
        **own_ports(),
        runtime_dir=folder / "runtime",
        model_repository=folder / "models",
        ensemble_repository=PROJECT / "ensemble",
        triton_exit_timeout=2,
        api_keys=f"inference:{TO_LOOK},admin:{TO_ACT}",
        policy=POLICY,
    )
    async with Running(
        settings, environment={"GREENROOM_VOICES_DIR": str(folder / "voices")}
    ) as running:
        serving = Serving(running, folder / "models", TO_ACT)
        for pinned in ("asr", "tokenizer"):
            await running.until(pinned, residency="hot")
        yield serving


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def monitored(serving, tmp_path_factory):
    """Return the service and its Prometheus after a steady run."""
    program("prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    key = folder / "key"
    key.write_text(f"{TO_LOOK}\n")  # an editor ends the line, scripts/keys does not
    settings = serving.running.settings
    targets = {
        "greenroom": f"127.0.0.1:{settings.http_port}",
        "triton": f"127.0.0.1:{settings.triton_metrics_port}",
    }
    config = write_shortened(folder, targets, key)
    async with Prometheus(config, own_ports()["http_port"]) as prometheus:
        await prometheus.until('sum(up) == 2 unless on () ALERTS{alertstate="firing"}')
        monitored = MonitoredService(serving, prometheus)
        await monitored.run_steadily()
        yield monitored
