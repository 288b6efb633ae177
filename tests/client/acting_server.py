"""A scripted gateway with one model that comes and goes as the real one, or wrongly on purpose."""

import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from scripted_server import Answer, Request, ScriptedServer, json_answer, scripted_server

MODEL = "weights"
ENDS = {"load": "hot", "restore": "hot", "offload": "warm", "unload": "cold"}


@dataclass
class Acting:
    """The model, and what is wrong with it.

    `seconds` and `device_bytes` replace what an action reports; `deaf` lists actions that do not
    happen though they should, `asleep` idle actions that do not; `refusals` are the answers to
    verbs and PATCH.
    """

    residency: str = "cold"
    policy: dict[str, Any] = field(
        default_factory=lambda: {"pinned": False, "offload_after": 0.1, "unload_after": 3600.0}
    )
    controllable: bool = True
    leases: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    device_bytes: dict[str, int] = field(default_factory=dict)
    deaf: set[str] = field(default_factory=set)
    asleep: bool = False
    refusals: dict[str, Answer] = field(default_factory=dict)
    pid: int | None = None
    stubborn_pid: bool = False
    done: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.RLock()
        self._listeners: list[queue.Queue[Any]] = []
        self._timers: list[threading.Timer] = []
        self._bytes = 100 if self.residency == "hot" else 0

    def shown(self) -> dict[str, Any]:
        return {
            "residency": self.residency,
            "controllable": self.controllable,
            "leases": self.leases,
            "waiting": 0,
            "idle_seconds": 0.0,
            "policy": dict(self.policy),
            "device_bytes": self._bytes,
            "device_overhead_bytes": 0,
            "host_bytes": 0,
            "process_bytes": None,
            "pid": self.pid,
        }

    def act(self, action: str) -> None:
        """Do it as asked, in no time."""
        self.done.append(action)
        if action in self.deaf:
            return
        with self._lock:
            before, self.residency = self.residency, ENDS[action]
            usual = 100 if self.residency == "hot" else 0
            self._bytes = self.device_bytes.get(action, usual)
            self.pid = 7 if self.residency != "cold" or self.stubborn_pid else None
        event = {"model": MODEL, "action": action, "from": before, "to": self.residency}
        event |= {"seconds": self.seconds.get(action, 0.0), "bytes": self._bytes, "reason": "x"}
        for listener in self._listeners:
            listener.put(event)

    def touch(self) -> None:
        """Serve a request without a content, then start the idle clock."""
        self._stop_timers()
        if self.residency != "hot":
            self.act("load" if self.residency == "cold" else "restore")
        for action in ("offload", "unload"):
            after = self.policy[f"{action}_after"]
            if 0 <= after < 10 and not self.asleep:
                timer = threading.Timer(after, self.act, [action])
                self._timers.append(timer)
                timer.start()

    def listen(self) -> Iterator[bytes]:
        mine: queue.Queue[Any] = queue.Queue()
        self._listeners.append(mine)
        yield b": hello\n\n"
        while (event := mine.get()) is not None:
            yield f"data: {json.dumps(event)}\n\n".encode()

    def hang_up(self) -> None:
        """End the streams of events."""
        for listener in self._listeners:
            listener.put(None)

    def close(self) -> None:
        self._stop_timers()
        self.hang_up()

    def _stop_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()


@contextmanager
def acting_server(acting: Acting) -> Iterator[ScriptedServer]:
    """Serve the model over HTTP."""
    with scripted_server() as server:
        server.on("GET", "/residency", lambda _: _report(acting))
        server.on(
            "GET",
            "/residency/events",
            lambda _: Answer(200, acting.listen(), {"Content-Type": "text/event-stream"}),
        )

        def changed(request: Request) -> Answer:
            if refusal := acting.refusals.get("PATCH"):
                return refusal
            acting.policy |= json.loads(request.body)
            return json_answer(acting.shown())

        def verb(request: Request) -> Answer:
            name = request.path.rpartition("/")[2]
            if refusal := acting.refusals.get(name):
                return refusal
            acting.touch() if name == "touch" else acting.act(name)
            return json_answer(acting.shown())

        server.on("PATCH", f"/residency/{MODEL}", changed)
        for name in (*ENDS, "touch"):
            server.on("POST", f"/residency/{MODEL}/{name}", verb)
        try:
            yield server
        finally:
            acting.close()


def _report(acting: Acting) -> Answer:
    return json_answer({"models": {MODEL: acting.shown()}, "gpu": None})
