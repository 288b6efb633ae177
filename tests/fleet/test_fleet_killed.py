"""Deaths in a fleet under load: every request is answered 200, or 503 with Retry-After."""

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from small_fleet import INFERENCE, Fleet

pytestmark = [pytest.mark.long, pytest.mark.slow, pytest.mark.timeout(600)]

BODY = {"inputs": [{"name": "TEXT", "datatype": "BYTES", "shape": [1, 1], "data": ["a b"]}]}
REQUESTS, CLIENTS = 400, 4


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


@pytest.mark.parametrize("kind", VICTIMS)
def test_the_death_of_a(fleet: Fleet, kind: str) -> None:
    killed = []

    def kill() -> None:
        with fleet.client() as client:
            replicas = client.get("/residency").json()["replicas"].values()
        pids = {one["models"]["counter"]["pid"] for one in replicas}
        for victim in filter(lambda one: VICTIMS[kind](one.cmdline()), fleet.processes()):
            own = {child.pid for child in victim.children(recursive=True)}
            if kind == "controller" or own & pids:
                victim.send_signal(signal.SIGKILL)
                killed.append(victim.pid)
                return

    statuses = asked(fleet, kill)
    assert killed
    assert set(statuses) <= {200, 503}
    assert statuses[503] <= CLIENTS
    if kind in ("controller", "tritonserver"):
        assert statuses[200] == REQUESTS
    asked(fleet, lambda: None)  # whoever was missing is back, or the other one serves
