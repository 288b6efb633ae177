"""The installed command: exit codes, Ctrl-C, terminals, plug-ins."""

import signal
import socket
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest
from command_line import GREENROOM, on_terminal, run
from scripted_server import (
    Answer,
    HangUp,
    Request,
    ScriptedServer,
    json_answer,
    speech_answer,
)

pytestmark = pytest.mark.slow

SPEECH = "/v2/models/speech/infer"
MOVES = ("load", "offload", "restore", "unload")
VERBS = ("clone", "edit", "transcribe", "status", "verify", *MOVES)


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_every_verb_has_help(verb: str) -> None:
    done = run(*verb.split(), "--help")

    assert done.returncode == 0
    assert done.stdout.startswith("Usage: greenroom")


def test_success_is_0(server: ScriptedServer, tone: Path) -> None:
    server.on("POST", "/v1/audio/transcriptions", Answer(200, b"hello\n"))

    done = run("transcribe", tone, GREENROOM_URL=server.url)

    assert (done.returncode, done.stdout, done.stderr) == (0, "hello\n", "")


def test_failure_is_1_with_one_sentence(tone: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        done = run("transcribe", tone, "--url", url)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"greenroom: POST {url}/v1/audio/transcriptions: cannot connect")
    assert done.stderr.count("\n") == 1


def test_wrong_usage_is_2() -> None:
    done = run("clone")

    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr


def test_a_reader_that_leaves_early_sees_no_traceback(server: ScriptedServer) -> None:
    server.on("GET", "/residency", json_answer({"models": {}, "gpu": None}))
    with subprocess.Popen(
        [GREENROOM, "status", "--url", server.url], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        told = process.stderr.read()

    assert b"Traceback" not in told


def test_an_interrupt_is_130_and_silent(server: ScriptedServer, tone: Path, tmp_path: Path) -> None:
    arrived, done = threading.Event(), threading.Event()

    def never(_: Request) -> Answer:
        arrived.set()
        done.wait(20)
        raise HangUp

    server.on("POST", SPEECH, never)
    out = tmp_path / "out.wav"
    options = ["-o", str(out), "--quiet", "--url", server.url]
    command = [str(GREENROOM), "clone", str(tone), "this", *options]
    try:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            assert arrived.wait(20)
            process.send_signal(signal.SIGINT)
            told, _ = process.communicate(timeout=20)
    finally:
        done.set()

    assert (process.returncode, told) == (130, b"")
    assert not out.exists()


def test_on_a_terminal_the_seconds_run(server: ScriptedServer, tone: Path, tmp_path: Path) -> None:
    seen = threading.Event()

    def speech(_: Request) -> Answer:
        assert seen.wait(20)
        return speech_answer(np.zeros(2400, np.float32))

    loading = {"models": {"tts": {"residency": "loading", "waiting": 1}}, "gpu": None}
    server.on("GET", "/residency", json_answer(loading))
    server.on("POST", SPEECH, speech)

    out = tmp_path / "out.wav"
    with on_terminal("clone", tone, "this", "-o", out, "--url", server.url) as terminal:
        terminal.wait_to_see(r"loading tts 0\.0 s")
        terminal.wait_to_see(r"loading tts (?!0\.0)\d+\.\d s")
        seen.set()
        assert terminal.exit_code() == 0
        assert b"0.10 s of audio" in terminal.shown


def test_watching_on_a_terminal_follows_until_interrupted(server: ScriptedServer) -> None:
    def state(residency: str) -> Answer:
        return json_answer({"models": {"tts": {"residency": residency}}, "gpu": None})

    server.on("GET", "/residency", state("warm"))
    with on_terminal("status", "--watch", "--url", server.url) as terminal:
        terminal.wait_to_see("warm")
        server.on("GET", "/residency", state("restoring"))
        terminal.wait_to_see("restoring")
        server.on("GET", "/residency", json_answer({"error": "Triton is down."}, 503))
        terminal.wait_to_see("restoring(?s:.)*Triton is down")
        server.on("GET", "/residency", state("hot"))
        terminal.wait_to_see("hot")
        assert terminal.interrupt() == 130
        assert b"Traceback" not in terminal.shown
        assert terminal.shown.count(b"hot") > 0  # it stays when the table's screen has gone


@pytest.mark.parametrize(("status", "sentence"), [(401, "no key."), (503, "Triton is down.")])
def test_watching_ends_at_once_where_there_is_nothing_to_see(
    server: ScriptedServer, status: int, sentence: str
) -> None:
    server.on("GET", "/residency", json_answer({"error": sentence}, status))
    with on_terminal("status", "--watch", "--url", server.url) as terminal:
        assert terminal.exit_code() == 1
        assert terminal.shown == f"greenroom: {sentence}\r\n".encode()


def test_watching_ends_when_the_key_is_refused(server: ScriptedServer) -> None:
    server.on("GET", "/residency", json_answer({"models": {"tts": {"residency": "warm"}}}))
    with on_terminal("status", "--watch", "--url", server.url) as terminal:
        terminal.wait_to_see("warm")
        server.on("GET", "/residency", json_answer({"error": "no key."}, 401))
        assert terminal.exit_code() == 1
        assert b"greenroom: no key." in terminal.shown


@pytest.fixture
def plugins(tmp_path: Path) -> Path:
    """Return a folder with two plug-ins for PYTHONPATH: one adds ``hello``, one is broken."""
    (tmp_path / "friendly.py").write_text(
        "def register(app):\n"
        "    @app.command()\n"
        "    def hello():\n"
        "        print('hello')\n"
        "    @app.command()\n"
        "    def stumble():\n"
        "        raise ValueError('over a stone')\n"
    )
    info = tmp_path / "plugins-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugins\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[greenroom.commands]\nfriendly = friendly:register\nbroken = no_such_module:register\n"
    )
    return tmp_path


def test_plug_ins_add_verbs_and_a_broken_one_is_left_out(plugins: Path) -> None:
    done = run("hello", PYTHONPATH=str(plugins))

    assert (done.returncode, done.stdout) == (0, "hello\n")
    assert (
        "commands of no_such_module:register are not available: ModuleNotFoundError" in done.stderr
    )
    assert "Traceback" not in done.stderr


def test_the_clients_verbs_do_not_need_the_plug_ins(server: ScriptedServer, plugins: Path) -> None:
    server.on("GET", "/residency", json_answer({"models": {}, "gpu": None}))

    done = run("status", "--url", server.url, PYTHONPATH=str(plugins))

    assert (done.returncode, done.stderr) == (0, "")


def test_an_unexpected_error_is_a_sentence_too(plugins: Path) -> None:
    done = run("stumble", PYTHONPATH=str(plugins))

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "greenroom: unexpected ValueError: over a stone"
    assert "Traceback" not in done.stderr
