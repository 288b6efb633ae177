"""A real Prometheus finds every replica by the fleet's own discovery."""

import asyncio
from pathlib import Path

import pytest
import yaml
from own_ports import own_port
from prometheus_server import PATIENCE, Prometheus
from small_fleet import INFERENCE, Fleet

pytestmark = [pytest.mark.long, pytest.mark.slow, pytest.mark.timeout(400)]


async def test_prometheus_scrapes_every_replica(fleet: Fleet, tmp_path: Path) -> None:
    allowed = {"type": "Bearer", "credentials": INFERENCE}
    found_at = {"url": f"{fleet.url}/fleet/targets", "authorization": allowed}
    job = {
        "job_name": "greenroom-fleet",
        "authorization": allowed,
        "http_sd_configs": [found_at | {"refresh_interval": "1s"}],
    }
    config = tmp_path / "prometheus.yml"
    given = {"global": {"scrape_interval": "1s"}, "scrape_configs": [job]}
    config.write_text(yaml.safe_dump(given))
    replicas = sorted(fleet.residency())
    with fleet.client() as client:
        for name in replicas:
            chosen = {"replica": name}
            assert client.post("/residency/tally/load", params=chosen).status_code == 200
    async with Prometheus(config, own_port()) as prometheus, asyncio.timeout(PATIENCE):
        hot = 'greenroom_model_residency{model="tally",residency="hot"} == 1'
        found: list[str] = []
        while found != replicas:
            await asyncio.sleep(0.5)
            found = sorted(labels["replica"] for labels, _ in await prometheus.now(hot))
        up = await prometheus.now("up")
        assert sorted((labels["replica"], *value) for labels, value in up) == [
            (name, 1.0) for name in replicas
        ]
        loads = 'sum by (replica) (greenroom_transitions_total{model="tally",action="load"})'
        assert [value for _, value in await prometheus.now(loads)] == [[1.0], [1.0]]
