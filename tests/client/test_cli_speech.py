"""The verbs clone and edit."""

import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scripted_server import (
    Answer,
    Request,
    ScriptedServer,
    infer_answer,
    json_answer,
    speech_answer,
    words,
)
from typer.testing import CliRunner, Result

from greenroom_client.cli import app

SPEECH = "/v2/models/speech/infer"
WAVEFORM = np.linspace(-0.5, 0.5, 12000, dtype=np.float32)


@pytest.fixture(autouse=True)
def _good_answers(server: ScriptedServer) -> None:
    server.on("POST", SPEECH, speech_answer(WAVEFORM))
    heard = {"TRANSCRIPT": words("hello there"), "AUDIO_LANGUAGE": words("")}
    server.on("POST", "/v2/models/asr/infer", infer_answer(heard))
    server.on("GET", "/residency", json_answer({"models": {}, "gpu": None}))


@pytest.fixture(autouse=True)
def _poll_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("greenroom_client.cli.session.POLL_SECONDS", 0.01)


def greenroom(server: ScriptedServer, *args: object) -> Result:
    environment = {"GREENROOM_URL": server.url}
    return CliRunner().invoke(app, [str(one) for one in args], env=environment)


def test_clone_writes_the_file_and_sums_it_up(
    server: ScriptedServer, tone: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.wav"

    done = greenroom(server, "clone", tone, "Say this.", "-o", out)

    assert done.exit_code == 0
    assert done.stdout.startswith(f"{out}: 0.50 s of audio at 24000 Hz, took ")
    assert done.stdout.endswith("seed 4711\n")
    assert done.stdout.count("\n") == 1
    samples, rate = soundfile.read(out, dtype="float32")
    assert rate == 24000
    assert np.allclose(samples, WAVEFORM, atol=1e-4)


def test_the_options_of_clone_reach_the_server(
    server: ScriptedServer, tone: Path, tmp_path: Path
) -> None:
    options = "--transcript that --language en --audio-language zh --seed 5 "
    options += "--task emotion --task-info happy --task speed --task-info 1.2"

    done = greenroom(server, "clone", tone, "this", "-o", tmp_path / "o.flac", *options.split())

    assert done.exit_code == 0
    (request,) = server.sent_to(SPEECH)
    tensors = {name: tensor.tolist() for name, tensor in request.tensors().items()}
    del tensors["AUDIO"], tensors["SAMPLE_RATE"]
    assert tensors == {
        "TEXT": [["this"]],
        "TRANSCRIPT": [["that"]],
        "LANGUAGE": [["en"]],
        "AUDIO_LANGUAGE": [["zh"]],
        "TASK": [["clone", "emotion", "speed"]],
        "TASK_INFO": [["", "happy", "1.2"]],
        "SEED": [[5]],
    }


def test_edit_sends_its_tasks(server: ScriptedServer, tone: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"

    done = greenroom(
        server, "edit", tone, "-t", "denoise", "-i", "", "-t", "speed", "-i", "2", "-o", out
    )

    assert done.exit_code == 0
    tensors = server.sent_to(SPEECH)[0].tensors()
    assert tensors["TASK"].tolist() == [["denoise", "speed"]]
    assert tensors["TASK_INFO"].tolist() == [["", "2"]]
    assert out.exists()


def test_edits_afresh_are_one_request_each(
    server: ScriptedServer, tone: Path, tmp_path: Path
) -> None:
    again = ["-t", "style", "-i", "whisper"] * 2

    done = greenroom(server, "edit", tone, *again, "--afresh", "-o", tmp_path / "out.wav")

    assert done.exit_code == 0
    tasks = [request.tensors()["TASK"].tolist() for request in server.sent_to(SPEECH)]
    assert tasks == [[["style"]], [["style"]]]


def test_the_key_comes_from_the_environment(server: ScriptedServer, tone: Path) -> None:
    CliRunner().invoke(
        app,
        ["edit", str(tone), "-t", "vad", "-o", str(tone.with_name("o.wav"))],
        env={"GREENROOM_API_KEY": "k3y", "GREENROOM_URL": server.url},
    )

    assert server.sent_to(SPEECH)[0].headers["Authorization"] == "Bearer k3y"


def follow_states(server: ScriptedServer, states: list[dict[str, object]]) -> None:
    """Answer the request only when each state has been told to who polls."""
    told, left = threading.Event(), iter(states)
    last = states[-1]

    def residency(_: Request) -> Answer:
        state = next(left, None)
        if state is None:
            told.set()
        return json_answer({"models": {"tts": state or last}, "gpu": None})

    def speech(_: Request) -> Answer:
        assert told.wait(20)
        return speech_answer(WAVEFORM)

    server.on("GET", "/residency", residency)
    server.on("POST", SPEECH, speech)


STATES: list[dict[str, object]] = [
    {"residency": "unloading", "waiting": 3},
    {"residency": "cold", "waiting": 3},
    {"residency": "loading", "waiting": 1},
    {"residency": "loading", "waiting": 1},
    {"residency": "hot", "waiting": 0},
]


def test_without_a_terminal_each_phase_is_one_line(
    server: ScriptedServer, tone: Path, tmp_path: Path
) -> None:
    follow_states(server, STATES)

    done = greenroom(server, "clone", tone, "this", "-o", tmp_path / "o.wav")

    assert done.exit_code == 0
    assert done.stderr.splitlines() == [
        "unloading tts",
        "waiting for tts (2 ahead)",
        "loading tts",
        "synthesising",
    ]


def test_quiet_tells_nothing(server: ScriptedServer, tone: Path, tmp_path: Path) -> None:
    follow_states(server, STATES)

    done = greenroom(server, "clone", tone, "this", "-o", tmp_path / "o.wav", "--quiet")

    assert (done.exit_code, done.stderr) == (0, "")


def test_a_server_that_hides_its_residency_serves_all_the_same(
    server: ScriptedServer, tone: Path, tmp_path: Path
) -> None:
    asked = threading.Event()

    def refuse(_: Request) -> Answer:
        asked.set()
        return json_answer({"error": "admin scope is needed."}, 403)

    def speech(_: Request) -> Answer:
        assert asked.wait(20)
        return speech_answer(WAVEFORM)

    server.on("GET", "/residency", refuse)
    server.on("POST", SPEECH, speech)

    done = greenroom(server, "clone", tone, "this", "-o", tmp_path / "o.wav")

    assert (done.exit_code, done.stderr) == (0, "")


def test_a_failure_is_the_servers_sentence_and_leaves_no_file(
    server: ScriptedServer, tone: Path, tmp_path: Path
) -> None:
    server.on("POST", SPEECH, json_answer({"error": "tts has 256 waiting; that is the most."}, 503))

    done = greenroom(server, "clone", tone, "this", "-o", tmp_path / "o.wav")

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.endswith("greenroom: tts has 256 waiting; that is the most.\n")
    assert not (tmp_path / "o.wav").exists()


def test_what_is_no_recording_fails_with_a_sentence(server: ScriptedServer, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("this is text")

    done = greenroom(server, "edit", tmp_path / "a.wav", "-t", "vad", "-o", tmp_path / "o.wav")

    assert done.exit_code == 1
    assert done.stderr.endswith("is not audio in a supported format (wav, flac, mp3, ogg, ...).\n")


@pytest.mark.parametrize(
    ("args", "words_of_error"),
    [
        (["clone", "REF", "this"], "--output"),
        (["clone", "REF", "-o", "a.wav"], "TEXT"),
        (["clone", "/no/file.wav", "this", "-o", "a.wav"], "/no/file.wav"),
        (["clone", "REF", "this", "-o", "a.docx"], ".docx"),
        (["clone", "REF", "this", "-o", "/no/folder/a.wav"], "/no/folder"),
        (["clone", "REF", "this", "-o", "a.wav", "--seed", "x"], "--seed"),
        (["edit", "REF", "-o", "a.wav"], "--task"),
        (["transcribe"], "REF"),
        (["transcribe", "REF", "--frobnicate"], "--frobnicate"),
        (["transcribe", "/no/file.wav"], "/no/file.wav"),
        (["transcribe", "REF", "--words"], "--format json"),
        (["transcribe", "REF", "REF", "-f", "srt"], "--output"),
        (["transcribe", "REF", "-f", "docx"], "docx"),
        (["transcribe", "REF", "SAME", "-o", "."], "would both become"),
        (["sing"], "sing"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_sent(
    server: ScriptedServer, tone: Path, args: list[str], words_of_error: str
) -> None:
    same = tone.with_suffix(".other")
    same.write_bytes(tone.read_bytes())
    files = {"REF": str(tone), "SAME": str(same)}

    done = greenroom(server, *[files.get(one, one) for one in args])

    assert done.exit_code == 2
    assert words_of_error in done.stderr
    assert server.requests == []
