"""A fleet that scales by itself, with a real cluster: by requests and by memory, under load."""

import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from managed_models import weight_model
from small_fleet import ADMIN, INFERENCE, Fleet

pytestmark = [pytest.mark.long, pytest.mark.slow, pytest.mark.timeout(900)]

MODELS = Path(__file__).parents[1] / "models"
MODEL_BYTES = 64 * 2**20
BROUGHT = r'^greenroom_transitions_total\{[^}]*action="(?:load|restore)"[^}]*\} (\S+)$'
SOON = 240
"""Seconds within which a fleet must have grown or shrunk, on a slow machine too."""


@contextmanager
def scaling(folder: Path, *, settings: dict, **options: object) -> Iterator[Fleet]:
    fleet = Fleet(folder, api_keys=f"admin:{ADMIN},inference:{INFERENCE}", **settings)
    config = folder / "fleet.yaml"
    # As `up` decides where there is no GPU; one that there is would be too few.
    options = {"gpus_per_replica": 0, "grow_after": 1, "shrink_after": 5, **options}
    config.write_text(yaml.safe_dump({"applications": [{"args": options}]}))
    try:
        fleet.up("--config", str(config))
        yield fleet
    finally:
        fleet.command("down")


def until(fleet: Fleet, replicas: int) -> float:
    """Wait until so many run; returns the seconds."""
    began = time.monotonic()
    while (there := len(fleet.own_doors())) != replicas:
        assert time.monotonic() - began < SOON, f"{there} replicas"
        time.sleep(0.5)
    return time.monotonic() - began


class Load:
    """Clients that ask without a pause, or with one, until they are told to end."""

    def __init__(self, fleet: Fleet) -> None:
        self.statuses: Counter[int] = Counter()
        self._fleet = fleet

    @contextmanager
    def of(self, clients: int, pause: float = 0.0) -> Iterator[None]:
        ended = threading.Event()

        def ask(_: int) -> None:
            with self._fleet.client(INFERENCE) as client:
                while not ended.wait(pause):
                    answer = client.post("/v2/models/slow/infer", json=SLOW)
                    self.statuses[answer.status_code] += 1

        with ThreadPoolExecutor(clients) as pool:
            asking = pool.map(ask, range(clients))
            try:
                yield
            finally:
                ended.set()
            list(asking)  # raises what a client met: a lost connection, say


SLOW = {
    "inputs": [
        {"name": "INPUT", "datatype": "FP32", "shape": [1, 1], "data": [1.0]},
        {"name": "SECONDS", "datatype": "FP32", "shape": [1, 1], "data": [0.2]},
    ]
}


def test_one_to_three_to_one_to_none_and_nothing_is_lost(tmp_path: Path) -> None:
    options = {"replicas": 3, "min_replicas": 0, "waiting_per_replica": 2}
    with scaling(tmp_path, settings={"model_repository": MODELS}, **options) as fleet:
        load = Load(fleet)
        assert fleet.own_doors() == []
        with load.of(1, pause=1.0):
            from_none = until(fleet, 1)
        with load.of(8):
            grown = until(fleet, 3)
            time.sleep(5)
        with load.of(1, pause=0.5):
            shrunk = until(fleet, 1)
        ended = until(fleet, 0)
        print(f"0-1 {from_none:.0f} s, 1-3 {grown:.0f} s, 3-1 {shrunk:.0f} s, 1-0 {ended:.0f} s")
        print(dict(load.statuses))
        with load.of(1, pause=0.1):
            until(fleet, 1)
        assert set(load.statuses) == {200}
        assert load.statuses[200] > 50


def test_models_that_do_not_fit_together_get_a_second_replica(tmp_path: Path) -> None:
    """One client, that is a quarter of what one replica is for, alternates between two models."""
    models = {
        name: weight_model(tmp_path / "models", name, MODEL_BYTES, restore_seconds=0.5)
        for name in ("a", "b")
    }
    settings = {
        "model_repository": tmp_path / "models",
        "gpu_budget_bytes": MODEL_BYTES * 3 // 2,
        "gpu_reserve_bytes": 0,
        "gpu_activation_bytes": 2**20,
        "policy": '{"a": {"offload_after": -1}, "b": {"offload_after": -1}}',
    }
    with scaling(tmp_path, settings=settings, replicas=3, min_replicas=1) as fleet:
        began = time.monotonic()
        with fleet.client(INFERENCE) as client:

            def ask(name: str, number: int) -> None:
                data = {"name": "NUMBER", "datatype": "INT64", "shape": [1, 1], "data": [number]}
                answer = client.post(f"/v2/models/{name}/infer", json={"inputs": [data]})
                assert answer.status_code == 200, answer.text
                [found] = answer.json()["outputs"][0]["data"]
                assert found == models[name].answer(number)

            while len(fleet.own_doors()) < 2 or sum(map(len, hot(fleet))) < 2:
                assert time.monotonic() - began < SOON, hot(fleet)
                for name in models:
                    ask(name, 7)
            print(f"a second replica after {time.monotonic() - began:.0f} s")
            # They may change places once while they settle; then nothing is brought any more.
            before = -1
            while before != (before := brought(fleet)):
                assert time.monotonic() - began < SOON, hot(fleet)
                for number in range(20):
                    for name in models:
                        ask(name, number)
            assert before >= 3  # two loads, and what made the second replica wanted
            assert sorted(hot(fleet)) == [["a"], ["b"]]


def brought(fleet: Fleet) -> int:
    """Loads and restores of all replicas since they were started."""
    texts = [door.get("/metrics").text for door in fleet.own_doors()]
    found = [number for text in texts for number in re.findall(BROUGHT, text, re.MULTILINE)]
    return sum(int(float(number)) for number in found)


def hot(fleet: Fleet) -> list[list[str]]:
    """Of each replica, the models that are hot."""
    replicas = fleet.residency().values()
    return [[name for name, at in models.items() if at == "hot"] for models in replicas]
