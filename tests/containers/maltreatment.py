"""What is looked at, in order: a sentence, and what raises Fault if it does not hold."""

import os
import random
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import httpx
from asking import GATEWAY, RECORDING, Clients, Running, expect, looking
from stack import PAGE, Fault, Stack, container

Case = tuple[str, Callable[[], object]]

LONG, SHORT = 50, 4
"""Seconds of the request and of the stream that run at a stop or an upgrade."""
_UNTIL_START = 5.0
"""Seconds from the end of the old container to the start of the new one."""
_LOCKED = """
[ "$(id -u)" = 1000 ] && ! touch /x 2>/dev/null && ! touch /srv/greenroom/x 2>/dev/null &&
grep -q 'CapEff:.0000000000000000' /proc/self/status && ! env | grep -qiE '(key|password)='
"""
_KILL = """
import os, psutil
for process in psutil.process_iter(["name", "cmdline"]):
    if {which} in " ".join(process.info["cmdline"] or []) and process.pid not in (1, os.getpid()):
        process.kill()
"""


def of_what_is_documented(stack: Stack) -> Iterator[Case]:
    """Up, as the README has it, and what a visitor finds then."""
    clients = Clients(stack.secret("admin_key"))

    def metrics_without_key() -> None:
        status = httpx.get(f"{GATEWAY}/metrics").status_code
        expect(status == 401, f"/metrics answers {status} without a key")

    def page() -> None:
        status = httpx.get(f"http://127.0.0.1:{PAGE}/healthz").status_code
        expect(status == 200, f"the page answers {status}")

    def verified() -> None:
        key = stack.secret("admin_key")
        stack.compose("exec", "-T", "-e", f"GREENROOM_API_KEY={key}", *_GREENROOM, "verify")

    yield "docker compose up -d", lambda: stack.compose("up", "-d")
    yield (
        "everything gets healthy",
        lambda: healthy(stack, "greenroom", "ui", "prometheus", "grafana"),
    )
    yield "a voice is cloned through the gateway", clients.speak
    yield "no key, no metrics", metrics_without_key
    yield "Prometheus has both targets", lambda: scraped(stack)
    yield "the page answers", page
    yield "user, root, capabilities and environment are locked down", lambda: locked(stack)
    yield "memory, processes and /tmp are bounded", lambda: bounded(stack)
    for service in ("greenroom", "ui"):
        yield (
            f"doctor is content in {service}",
            lambda name=service: stack.compose("exec", "-T", name, "greenroom", "doctor"),
        )
    yield "verify passes", verified


_GREENROOM = ("greenroom", "greenroom")


def of_what_runs(stack: Stack, times: int) -> Iterator[Case]:
    """Kills, stops and upgrades, with models that answer as late as one wants."""
    clients = Clients(stack.secret("admin_key"))
    service = _Upgrades(stack, clients)

    def killed(which: str) -> Callable[[], None]:
        def kill() -> None:
            stack.python(_KILL.format(which=repr(which)))
            clients.speak()

        return kill

    def container_killed() -> None:
        process = stack.inspect("greenroom")["State"]["Pid"]
        try:
            os.kill(process, signal.SIGKILL)
        except PermissionError as error:
            raise Fault("only root may do this; run it with sudo") from error
        gone(stack, process)
        clients.ready()
        clients.speak()

    def voice_kept() -> None:
        clients.save_voice("kept")
        stack.compose("down")
        stack.compose("up", "-d")
        clients.ready()
        names = clients.http.get("/v1/voices").text
        expect('"kept"' in names, f"the voice is not among {names[:200]}")

    yield "a changed file: up -d brings it", service.first
    yield "a recording of this machine goes in, speech comes out", lambda: files(stack)
    yield "Triton killed: the next request is answered", killed("tritonserver --")
    yield "a model's process killed: the next request is answered", killed("python_backend_stub")
    yield "the gateway's process killed: all comes back", service.after_kill("greenroom.gateway")
    yield "the supervisor killed: all comes back", service.after_kill("greenroom up")
    yield "the container killed: all comes back", container_killed
    yield "a saved voice outlives its container", voice_kept
    yield f"a request and a stream of {LONG} s end well at a stop", lambda: service.stop(LONG)
    yield f"they do at a changed setting: {times} times of {times}", service.new_settings(times)
    yield f"they do at a changed image: {times} times of {times}", service.new_images(times)


def without_a_card(stack: Stack) -> Iterator[Case]:
    """The GPU image where there is none."""
    clients = Clients(stack.secret("admin_key"))
    yield "it starts without a card", lambda: stack.compose("up", "-d")
    yield "its gateway is ready", clients.ready
    yield "it clones without a card", clients.speak


class _Upgrades:
    """What happens to requests while `up -d` makes the container anew."""

    def __init__(self, stack: Stack, clients: Clients) -> None:
        self._stack, self._clients = stack, clients

    def first(self) -> str:
        self._stack.compose("up", "-d")
        self._clients.ready()
        return f"ready {time.time() - self._started():.1f} s after it was started"

    def after_kill(self, which: str) -> Callable[[], None]:
        def kill() -> None:
            # With the supervisor its container ends, and so does what is executed there.
            with suppress(Fault):
                self._stack.python(_KILL.format(which=repr(which)))
            self._clients.ready()
            self._clients.speak()

        return kill

    def stop(self, seconds: int) -> None:
        self._through(seconds, lambda: self._stack.compose("stop", "greenroom"))
        self._stack.compose("up", "-d")
        self._clients.ready()

    def new_settings(self, times: int) -> Callable[[], str]:
        def change() -> None:
            self._stack.change_setting("GREENROOM_CACHE_BYTES", random.randrange(10**8, 10**9))
            self._stack.compose("up", "-d")

        return lambda: self._repeated(times, change)

    def new_images(self, times: int) -> Callable[[], str]:
        builds = []

        def build() -> None:
            self._stack.change_source(f"changed {random.random()}")
            begun = time.monotonic()
            self._stack.compose("build", "greenroom")
            builds.append(time.monotonic() - begun)

        def upgrade() -> str:
            said = self._repeated(times, lambda: self._stack.compose("up", "-d"), build)
            return f"{said}; a build after an edit {max(builds):.0f} s at most"

        return upgrade

    def _repeated(
        self, times: int, change: Callable[[], object], before: Callable[[], None] = lambda: None
    ) -> str:
        gaps = []
        for number in range(times):
            before()
            gaps.append(self._through(SHORT if number else LONG, change))
        return f"refused for {max(gaps):.1f} s at most"

    def _through(self, seconds: int, change: Callable[[], object]) -> float:
        """Seconds for which new connections were refused. Fault if a request fared badly."""
        clients = self._clients
        clients.sleep(0)
        clients.stream(1)
        begun = time.time()
        request = Running(lambda: _answered(clients, seconds))
        stream = Running(lambda: clients.stream(seconds))
        clients.until_leased("patient", "paced")
        with looking(clients) as looks:
            change()
            request.ended_well()
            stream.ended_well()
            if self._running():
                clients.ready()
                looks.until_served(time.time())
        expect(looks.statuses() <= {200, 503, None}, f"new requests got {looks.statuses()}")
        expect(503 in looks.statuses(), "no new request was refused with 503 while it drained")
        expect(not looks.without_retry_after, "a 503 came without Retry-After")
        if not self._running():
            return 0.0
        idle = self._started() - self._ended(begun)
        expect(
            idle <= _UNTIL_START,
            f"the new container was started {idle:.1f} s after the old one's end",
        )
        refused, answered = looks.refused()
        return answered - refused

    def _started(self) -> float:
        text = self._stack.inspect("greenroom")["State"]["StartedAt"]
        return datetime.fromisoformat(re.sub(r"\.\d+", "", text)).timestamp()

    def _ended(self, since: float) -> float:
        """When a container of the service ended last."""
        said = self._stack.docker(
            *("events", "--since", f"{since:.0f}", "--until", f"{time.time():.0f}"),
            *("--filter", f"container={container('greenroom')}", "--filter", "event=die"),
            *("--format", "{{.TimeNano}}"),
        )
        return int(said.split()[-1]) / 1e9

    def _running(self) -> bool:
        return bool(self._stack.inspect("greenroom")["State"]["Running"])


def _answered(clients: Clients, seconds: float) -> None:
    answer = clients.sleep(seconds)
    expect(answer.status_code == 200, f"the request got {answer.status_code} {answer.text}")


def healthy(stack: Stack, *services: str) -> None:
    for service in services:
        deadline = time.monotonic() + 120
        while stack.inspect(service)["State"]["Health"]["Status"] != "healthy":
            expect(time.monotonic() < deadline, f"{service} is not healthy after 120 s")
            time.sleep(0.5)


def scraped(stack: Stack) -> None:
    query = "localhost:9090/api/v1/query?query=sum(up)"
    for _ in range(20):
        said = stack.execute("prometheus", "wget", "-qO-", query)
        if '"2"' in said:
            return
        time.sleep(1)
    raise Fault(said)


def locked(stack: Stack) -> None:
    for service in ("greenroom", "ui"):
        stack.execute(service, "sh", "-c", _LOCKED)


def bounded(stack: Stack) -> str:
    for service in ("greenroom", "ui", "prometheus", "grafana"):
        host = stack.inspect(service)["HostConfig"]
        expect(host["Memory"] > 0 and host["PidsLimit"] > 0, f"{service} has no bounds: {host}")
        expect("size=" in host["Tmpfs"]["/tmp"], f"/tmp of {service} has no bound")
    return (
        stack.docker("stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}} {{.PIDs}} PIDs")
        .strip()
        .replace("\n", ", ")
    )


def files(stack: Stack) -> None:
    folder = stack.folder / "recordings"
    folder.mkdir(exist_ok=True)
    (folder / "voice.flac").write_bytes(Path(RECORDING).read_bytes())
    owner = f"{os.getuid()}:{os.getgid()}"
    stack.compose(
        *("run", "--rm", "--user", owner, "client"),
        *("clone", "voice.flac", "Good evening.", "-o", "spoken.wav"),
    )
    spoken = folder / "spoken.wav"
    expect(spoken.read_bytes()[:4] == b"RIFF", "no speech has come out")
    expect(spoken.stat().st_uid == os.getuid(), "it is somebody else's")


def gone(stack: Stack, process: int) -> None:
    """Waits until the container has another first process."""
    deadline = time.monotonic() + 60
    while stack.inspect("greenroom")["State"]["Pid"] in (0, process):
        expect(time.monotonic() < deadline, "the container is not started again")
        time.sleep(0.2)
