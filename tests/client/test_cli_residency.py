"""The verbs status, load, offload, restore and unload."""

import itertools
import json
import threading
from typing import Any

import pytest
from scripted_server import Answer, Request, ScriptedServer, json_answer
from typer.testing import CliRunner, Result

from greenroom_client.cli import app

TTS: dict[str, Any] = {
    "residency": "warm",
    "leases": 1,
    "waiting": 2,
    "idle_seconds": 12.34,
    "policy": {},
    "device_bytes": 0,
    "device_overhead_bytes": 0,
    "host_bytes": 7_060_000_000,
    "pid": 4242,
    "last_transition": {"action": "offload", "seconds": 0.012, "at": "2026-01-02T03:04:05Z"},
    "last_error": None,
}
ASR = {**TTS, "residency": "cold", "idle_seconds": None, "host_bytes": 0, "last_transition": None}
REPORT: dict[str, Any] = {
    "models": {"tts": TTS, "asr": {**ASR, "last_error": "model.pt is missing."}},
    "gpu": {"index": 0, "total_bytes": 80_000_000_000, "used_bytes": 7_500_000_000},
}


@pytest.fixture(autouse=True)
def _poll_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("greenroom_client.cli.session.POLL_SECONDS", 0.01)


def greenroom(server: ScriptedServer, *args: str) -> Result:
    return CliRunner().invoke(app, [*args, "--url", server.url], env={"COLUMNS": "120"})


def test_status_is_a_table(server: ScriptedServer) -> None:
    server.on("GET", "/residency", json_answer(REPORT))

    done = greenroom(server, "status")

    assert done.exit_code == 0
    head, asr, tts, gpu, error = done.stdout.splitlines()
    assert " ".join(head.split()) == (
        "model residency leases waiting idle s device MB host MB last transition"
    )
    assert asr.split() == ["asr", "cold", "1", "2", "-", "0", "0", "-"]
    assert tts.split() == ["tts", "warm", "1", "2", "12.3", "0", "7060", "offload", "0.01", "s"]
    assert gpu == "GPU 0: 7.5 of 80.0 GB used"
    assert error == "last error of asr: model.pt is missing."


def test_status_without_a_gpu_and_with_odd_fields(server: ScriptedServer) -> None:
    odd = {"models": {"tts": {"residency": 3, "last_transition": []}, "b": 7}, "gpu": None}
    server.on("GET", "/residency", json_answer(odd))

    done = greenroom(server, "status")

    assert done.exit_code == 0
    assert done.stdout.splitlines()[1].split() == ["tts", "3", "None", "None", "-", "-", "-", "-"]


def test_status_as_json_is_the_servers_report(server: ScriptedServer) -> None:
    server.on("GET", "/residency", json_answer(REPORT))

    done = greenroom(server, "status", "--json")

    assert json.loads(done.stdout) == REPORT


EVENT = {
    "model": "tts",
    "action": "restore",
    "from": "warm",
    "to": "hot",
    "seconds": 0.314,
    "reason": "request",
    "at": "2026-01-02T03:04:05Z",
}


@pytest.fixture
def stream(server: ScriptedServer) -> None:
    server.on("GET", "/residency", json_answer(REPORT))
    failed = {"model": "tts", "from": "hot", "to": "hot", "error": "cannot offload."}
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in (EVENT, failed)).encode()
    server.on(
        "GET",
        "/residency/events",
        lambda _: Answer(200, iter([body]), {"Content-Type": "text/event-stream"}),
    )


@pytest.mark.usefixtures("stream")
def test_watching_without_a_terminal_is_a_line_for_each_change(server: ScriptedServer) -> None:
    done = greenroom(server, "status", "--watch")

    assert done.stdout.splitlines()[-2:] == [
        "2026-01-02T03:04:05Z tts warm -> hot, 0.31 s (request)",
        "tts hot -> hot: cannot offload.",
    ]
    assert done.exit_code == 1
    assert done.stderr == "greenroom: the server closed the stream of events.\n"


@pytest.mark.usefixtures("stream")
def test_watching_as_json_is_the_report_and_then_each_event(server: ScriptedServer) -> None:
    done = greenroom(server, "status", "--watch", "--json")

    report, event, _ = map(json.loads, done.stdout.splitlines())
    assert report == REPORT
    assert event == EVENT


@pytest.mark.parametrize(
    ("verb", "state", "during"),
    [
        ("load", "hot", "loading"),
        ("offload", "warm", "offloading"),
        ("restore", "hot", "restoring"),
        ("unload", "cold", "unloading"),
    ],
)
def test_a_verb_tells_what_goes_on_and_what_was_reached(
    server: ScriptedServer, verb: str, state: str, during: str
) -> None:
    polls, shown = itertools.count(1), threading.Event()

    def residency(_: Request) -> Answer:
        if next(polls) == 2:  # the first has been shown
            shown.set()
        return json_answer({"models": {"tts": {"residency": during, "waiting": 0}}, "gpu": None})

    def reached(_: Request) -> Answer:
        assert shown.wait(20)
        return json_answer({"residency": state})

    server.on("GET", "/residency", residency)
    server.on("POST", f"/residency/tts/{verb}", reached)

    done = greenroom(server, verb, "tts")

    assert done.exit_code == 0
    assert done.stdout.startswith(f"tts is {state}, took ")
    assert done.stderr == f"{during} tts\n"


def test_an_unknown_model_is_the_servers_sentence(server: ScriptedServer) -> None:
    server.on("POST", "/residency/xxx/load", json_answer({"error": "no model xxx here."}, 404))

    done = greenroom(server, "load", "xxx", "-q")

    assert (done.exit_code, done.stderr) == (1, "greenroom: no model xxx here.\n")
