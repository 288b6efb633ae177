"""Deaths of a machine and of a proxy: several raylets on this one, each with a replica."""

import json
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Semaphore

import psutil
import pytest
from small_fleet import ADMIN, INFERENCE, Fleet

pytestmark = [pytest.mark.long, pytest.mark.slow, pytest.mark.timeout(900)]

TENSOR = {"name": "TEXT", "datatype": "BYTES", "shape": [1, 1], "data": ["a b"]}
REQUESTS, CLIENTS = 400, 4
SOON = 60
"""Seconds."""


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Fleet]:
    policy = json.dumps({"counter": {"offload_after": -1}})
    fleet = Fleet(tmp_path, api_keys=f"admin:{ADMIN},inference:{INFERENCE}", policy=policy)
    try:
        fleet.up_with_machines(2)
        yield fleet
    finally:
        fleet.command("down")


def actors(fleet: Fleet, kind: str) -> list[psutil.Process]:
    """Ray's actors of a kind; the parent of each is its machine's raylet."""
    return [
        process
        for process in fleet.processes()
        if process.cmdline()[:1] and process.cmdline()[0].startswith(f"ray::{kind}")
    ]


class Connection:
    """One connection that stays; the kernel chooses among the proxies that listen on one port."""

    def __init__(self, fleet: Fleet, proxy: psutil.Process) -> None:
        until = time.monotonic() + SOON
        while True:
            self._http = HTTPConnection("127.0.0.1", fleet.http_port, timeout=120)
            self.infer()
            port = self._http.sock.getsockname()[1]
            if any(one.raddr and one.raddr.port == port for one in proxy.net_connections()):
                return
            self._http.close()
            assert time.monotonic() < until, "the proxy accepts no connection"

    def infer(self) -> tuple[int, bool]:
        """Return the status, and whether it says when to come again."""
        headers = {"Authorization": f"Bearer {INFERENCE}", "Content-Type": "application/json"}
        body = json.dumps({"inputs": [TENSOR]})
        self._http.auto_open = self._http.sock is None
        self._http.request("POST", "/v2/models/counter/infer", body, headers)
        answer = self._http.getresponse()
        answer.read()
        return answer.status, answer.headers["retry-after"] is not None


def asked(connections: list[Connection], at: Callable[[], None]) -> list[Counter[str]]:
    """What became of each connection's requests; `at` is called after a tenth of all.

    A connection that broke is "lost" once, and asks no more.
    """
    answered = Semaphore(0)

    def ask(connection: Connection) -> Counter[str]:
        found: Counter[str] = Counter()
        for _ in range(REQUESTS // CLIENTS):
            try:
                status, again = connection.infer()
            except (OSError, HTTPException):
                found["lost"] += 1
                answered.release(REQUESTS)
                break
            found[f"{status}{' again' if again else ''}"] += 1
            answered.release()
        return found

    with ThreadPoolExecutor(CLIENTS) as pool:
        futures = [pool.submit(ask, one) for one in connections]
        for _ in range(REQUESTS // 10):
            answered.acquire()
        at()
        return [future.result() for future in futures]


def test_the_death_of_a_machine_whose_proxy_no_client_uses(machines: Fleet) -> None:
    [proxy, *_] = elsewhere = actors(machines, "ProxyActor")
    first = Connection(machines, proxy)
    first.infer()
    with machines.client() as client:
        shown = client.get("/residency").json()["replicas"].values()
    pids = {one["models"]["counter"]["pid"] for one in shown} - {None}
    [serving] = [
        replica
        for replica in actors(machines, "ServeReplica")
        if pids & {child.pid for child in replica.children(recursive=True)}
    ]
    machine = serving.parent()
    assert machine.name() == "raylet"
    there = [serving, *serving.children(recursive=True)]
    proxy = next(one for one in elsewhere if one.ppid() != machine.pid)
    connections = [Connection(machines, proxy) for _ in range(CLIENTS)]

    def kill() -> None:
        machine.send_signal(signal.SIGKILL)

    counts = sum(asked(connections, kill), Counter())
    print(dict(counts))
    assert not machine.is_running() or machine.status() == psutil.STATUS_ZOMBIE
    assert set(counts) <= {"200", "503 again"}
    assert counts.total() == REQUESTS
    assert counts["503 again"] <= 2 * CLIENTS
    # Its Greenroom has gone with it, so that its GPU is free.
    assert psutil.wait_procs(there, SOON)[1] == []
    assert sum(asked(connections, lambda: None), Counter()) == {"200": REQUESTS}


def test_the_death_of_one_proxy_of_several(machines: Fleet) -> None:
    deadly, *others = actors(machines, "ProxyActor")
    assert others
    dying = [Connection(machines, deadly) for _ in range(CLIENTS // 2)]
    staying = [Connection(machines, others[0]) for _ in range(CLIENTS // 2)]
    counts = asked([*dying, *staying], lambda: deadly.send_signal(signal.SIGKILL))
    print([dict(one) for one in counts])
    for one in counts[: len(dying)]:
        assert set(one) <= {"200", "lost"}
        assert one["lost"] == 1
    for one in counts[len(dying) :]:
        assert one == {"200": REQUESTS // CLIENTS}
    # The port goes on to answer: whoever connects anew is another proxy's.
    anew = Connection(machines, others[0])
    assert anew.infer()[0] == 200


def test_the_death_of_the_heads_machine(machines: Fleet) -> None:
    """The others serve on for a while; then Ray ends them, so that no GPU is held."""
    ours = machines.processes()
    others = [one for one in ours if one.name() == "raylet" and "--head" not in one.cmdline()]
    elsewhere = [one for raylet in others for one in (raylet, *raylet.children(recursive=True))]
    there = [one for one in ours if one not in elsewhere]
    assert {"gcs_server", "raylet"} <= {one.name() for one in there}
    proxy = next(one for one in actors(machines, "ProxyActor") if one.ppid() == others[0].pid)
    connections = [Connection(machines, proxy) for _ in range(CLIENTS)]

    def kill() -> None:
        for one in there:
            with suppress(psutil.NoSuchProcess):
                one.kill()

    assert sum(asked(connections, kill), Counter()) == {"200": REQUESTS}
    assert psutil.wait_procs(elsewhere, 5 * SOON)[1] == []
