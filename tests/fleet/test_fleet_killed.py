"""Deaths in a fleet under load: every request is answered 200, or 503 with Retry-After."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
import tritonclient.grpc as triton_grpc
from small_fleet import INFERENCE, Fleet
from tritonclient.utils import InferenceServerException

from greenroom.triton.leftovers import regions

pytestmark = [pytest.mark.long, pytest.mark.slow, pytest.mark.timeout(600)]

BODY = {"inputs": [{"name": "TEXT", "datatype": "BYTES", "shape": [1, 1], "data": ["a b"]}]}
REQUESTS, CLIENTS = 400, 4
SOON = 120
"""Seconds."""


def has(word: str) -> Callable[[list[str]], bool]:
    return lambda line: any(word in part for part in line)


VICTIMS = {
    "tritonserver": lambda line: line[:1] != [] and line[0].endswith("tritonserver"),
    "greenroom": has("greenroom.fleet.own_greenroom"),
    "replica": lambda line: line[:1] != [] and line[0].startswith("ray::ServeReplica"),
    "controller": lambda line: line[:1] != [] and line[0].startswith("ray::ServeController"),
}


def asked(fleet: Fleet, at: Callable[[], None]) -> Counter[int]:
    """The statuses of all requests; `at` is called when a tenth of them have been answered."""
    answered = threading.Semaphore(0)
    with fleet.client(INFERENCE) as client:

        def ask(_: int) -> int:
            answer = client.post("/v2/models/counter/infer", json=BODY)
            answered.release()
            if answer.status_code != 200:  # whoever asks again at once may meet the dying one again
                time.sleep(float(answer.headers["retry-after"]))
            return answer.status_code

        with ThreadPoolExecutor(CLIENTS) as pool:
            futures = [pool.submit(ask, number) for number in range(REQUESTS)]
            for _ in range(REQUESTS // 10):
                answered.acquire()
            at()
            return Counter(future.result() for future in futures)


def serving(fleet: Fleet, kind: str) -> psutil.Process:
    """The process of a kind that serves the model; of Serve's controller there is one."""
    with fleet.client() as client:
        replicas = client.get("/residency").json()["replicas"].values()
    pids = {one["models"]["counter"]["pid"] for one in replicas}
    return next(
        one
        for one in fleet.processes()
        if VICTIMS[kind](one.cmdline())
        and (kind == "controller" or pids & {child.pid for child in one.children(recursive=True)})
    )


@pytest.mark.parametrize("kind", VICTIMS)
def test_the_death_of_a(fleet: Fleet, kind: str) -> None:
    statuses = asked(fleet, lambda: serving(fleet, kind).kill())
    with fleet.client() as client:
        shown = client.get("/residency")  # which the controller has a part in
    assert shown.status_code in (200, 503), shown.text
    assert set(statuses) <= {200, 503}
    assert statuses[503] <= CLIENTS
    if kind in ("controller", "tritonserver"):
        assert statuses[200] == REQUESTS
    asked(fleet, lambda: None)  # whoever was missing is back, or the other one serves


@pytest.mark.parametrize("kind", ["greenroom", "replica"])
def test_over_grpc_the_death_of_a(fleet: Fleet, kind: str) -> None:
    answered = threading.Semaphore(0)
    given = triton_grpc.InferInput("TEXT", [1, 1], "BYTES")
    given.set_data_from_numpy(np.array([[b"a b"]], object))

    def ask(_: int) -> str:
        with triton_grpc.InferenceServerClient(f"127.0.0.1:{fleet.grpc_port}") as client:
            try:
                key = {"authorization": f"Bearer {INFERENCE}"}
                client.infer("counter", [given], headers=key)
                return "OK"
            except InferenceServerException as error:
                time.sleep(1)
                return f"{error.status()}{' with a trace' if 'Traceback' in str(error) else ''}"
            finally:
                answered.release()

    with ThreadPoolExecutor(CLIENTS) as pool:
        futures = [pool.submit(ask, number) for number in range(REQUESTS // 4)]
        for _ in range(REQUESTS // 40):
            answered.acquire()
        serving(fleet, kind).kill()
        statuses = Counter(future.result() for future in futures)
    print(dict(statuses))
    assert set(statuses) <= {"OK", "StatusCode.UNAVAILABLE"}
    assert statuses["StatusCode.UNAVAILABLE"] <= CLIENTS


def test_what_a_killed_replica_leaves_is_cleared_by_the_next(fleet: Fleet) -> None:
    """Its folder and its shared memory: nothing of it could do that itself."""
    with fleet.client() as client:
        assert client.post("/v2/models/counter/infer", json=BODY).status_code == 200
    victim, *_ = (one for one in fleet.processes() if VICTIMS["replica"](one.cmdline()))
    [folder] = {
        Path(child.environ()["GREENROOM_RUNTIME_DIR"])
        for child in victim.children(recursive=True)
        if VICTIMS["greenroom"](child.cmdline())
    }
    prefix = (folder / "region.prefix").read_text().strip()
    victim.kill()
    until = time.monotonic() + SOON
    while folder.exists() or regions(prefix):
        assert time.monotonic() < until, (folder, regions(prefix))
        time.sleep(0.5)
