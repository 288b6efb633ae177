"""``greenroom verify`` against a real service and a managed model with real weights."""

import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import GREENROOM, run
from managed_models import weight_model
from real_service import real_service

from greenroom_client import Client

pytestmark = pytest.mark.slow

MODEL = "weights"
SIZE = 16 * 2**20
ECHO = Path(__file__).parent.parent / "models" / "echo"
POLICY = {"pinned": False, "offload_after": 0.5, "unload_after": 3600.0}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("service")
    models, ensembles = folder / "models", folder / "ensembles"
    weight_model(models, MODEL, SIZE)
    shutil.copytree(ECHO, models / "echo", ignore=shutil.ignore_patterns("__pycache__"))
    ensembles.mkdir()
    with real_service(
        folder,
        model_repository=models,
        ensemble_repository=ensembles,
        policy={MODEL: POLICY},
    ) as address:
        yield address


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    with Client(url) as one:
        yield one


def state(client: Client) -> tuple[str, dict[str, object]]:
    shown = client.residency()["models"][MODEL]
    return shown["residency"], {name: shown["policy"][name] for name in POLICY}


def test_a_real_model_passes_with_its_bytes_and_is_left_as_it_was_found(
    url: str, client: Client
) -> None:
    client.unload(MODEL)

    done = run("verify", "--model", MODEL, "--json", "--url", url)

    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    rows = {row["check"]: row for row in told["checks"]}
    assert rows["first load"]["device_bytes"] == rows["restore"]["device_bytes"] >= SIZE
    assert rows["offload after a task"]["device_bytes"] == 0
    assert rows["offload after a task"]["expected"].startswith("begins 0.5 s after the task")
    assert all(row["seconds"] > 0 for row in rows.values())
    assert told["not_as_found"] is None
    assert state(client) == ("cold", POLICY)


@pytest.mark.long
def test_interrupted_it_leaves_the_model_as_it_was_found(url: str, client: Client) -> None:
    with client.events() as events:
        client.touch(MODEL)
        next(event for event in events if (event["model"], event["to"]) == (MODEL, "warm"))

    command = [GREENROOM, "verify", "--model", MODEL, "--url", url]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as verifying:
        assert verifying.stderr
        assert any(line.startswith("4/5") for line in verifying.stderr)
        verifying.send_signal(signal.SIGINT)
        told = verifying.stderr.read()

    assert (verifying.returncode, "Traceback" in told) == (130, False)
    assert state(client) == ("warm", POLICY)


def test_what_cannot_be_verified_is_told_in_a_sentence(url: str) -> None:
    done = run("verify", "--model", "echo", "--url", url)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("greenroom: echo takes no RESIDENCY input: it can be loaded")

    done = run("verify", "--model", "nobody", "--url", url)

    assert (done.returncode, done.stdout) == (1, "")
    assert "its managed models are echo, weights." in done.stderr
