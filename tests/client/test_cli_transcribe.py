"""The verb transcribe: formats, several files, what comes through a pipe or a microphone."""

import os
import pty
import subprocess
from pathlib import Path

import pytest
from click.testing import Result
from command_line import GREENROOM
from scripted_server import Answer, Request, ScriptedServer
from typer.testing import CliRunner

from greenroom_client.cli import app

PATH = "/v1/audio/transcriptions"


@pytest.fixture
def server(server: ScriptedServer) -> ScriptedServer:
    def heard(request: Request) -> Answer:
        form = next(one for one in ("srt", "vtt", "json") if one.encode() in request.body + b"json")
        plain = b'response_format"\r\n\r\ntext' in request.body
        return Answer(200, b"hello there\n" if plain else f"as {form}\n".encode())

    server.on("POST", PATH, heard)
    server.on("POST", "/v1/audio/translations", Answer(200, b"in English\n"))
    return server


def greenroom(server: ScriptedServer, *args: object) -> Result:
    environment = {"GREENROOM_URL": server.url}
    return CliRunner().invoke(app, [str(one) for one in args], env=environment)


def test_it_prints_the_words_alone(server: ScriptedServer, tone: Path) -> None:
    done = greenroom(server, "transcribe", tone)

    assert (done.exit_code, done.stdout) == (0, "hello there\n")
    assert tone.read_bytes() in server.sent_to(PATH)[0].body


def test_several_files_become_files(server: ScriptedServer, tone: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.wav"
    other.write_bytes(tone.read_bytes())

    plain = greenroom(server, "transcribe", tone, other)
    done = greenroom(server, "transcribe", tone, other, "-f", "vtt", "-o", tmp_path)

    assert plain.stdout == f"{tone}: hello there\n{other}: hello there\n"
    assert done.stdout.splitlines() == [
        str(tmp_path / f"{tone.stem}.vtt"),
        str(tmp_path / "other.vtt"),
    ]
    assert (tmp_path / "other.vtt").read_text() == "as vtt\n"


def test_one_file_that_cannot_be_heard_does_not_stop_the_others(
    server: ScriptedServer, tone: Path, tmp_path: Path
) -> None:
    bad, other = tmp_path / "bad.wav", tmp_path / "other.wav"
    bad.write_text("this is text")
    other.write_bytes(tone.read_bytes())
    refusal = b'{"error": {"message": "file is no recording."}}'
    server.on(
        "POST",
        PATH,
        lambda request: (
            Answer(400, refusal) if b"this is text" in request.body else Answer(200, b"hello\n")
        ),
    )

    done = greenroom(server, "transcribe", tone, bad, other)

    assert done.stdout == f"{tone}: hello\n{other}: hello\n"
    assert f"greenroom: {bad}: file is no recording." in done.stderr
    assert done.exit_code == 1


def test_words_and_translations_are_asked_for(server: ScriptedServer, tone: Path) -> None:
    greenroom(server, "transcribe", tone, "-f", "json", "--words", "--audio-language", "de")
    body = server.sent_to(PATH)[0].body
    done = greenroom(server, "transcribe", tone, "--translate")

    for name, value in (
        ("response_format", "verbose_json"),
        ("timestamp_granularities", "segment"),
        ("timestamp_granularities", "word"),
        ("language", "de"),
    ):
        assert f'name="{name}"\r\n\r\n{value}\r\n'.encode() in body
    assert done.stdout == "in English\n"


def run_dash(server: ScriptedServer, stdin: int, **environment: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [GREENROOM, "transcribe", "-", "--url", server.url],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment},
    )


def test_a_dash_is_what_comes_through_a_pipe(server: ScriptedServer, tone: Path) -> None:
    with tone.open("rb") as file, run_dash(server, file.fileno()) as process:
        assert process.stdout
        assert process.stdout.read() == b"hello there\n"
    assert tone.read_bytes() in server.sent_to(PATH)[0].body


def test_a_dash_is_the_microphone_until_enter_is_pressed(
    server: ScriptedServer, tone: Path, tmp_path: Path
) -> None:
    recorder, ready = tmp_path / "arecord", tmp_path / "ready"
    os.mkfifo(ready)
    recorder.write_text(
        "#!/bin/sh\nfor last; do :; done\n"
        f"trap 'cp {tone} \"$last\"; exit' TERM\necho > {ready}\n"
        "while :; do sleep 0.05; done\n"
    )
    recorder.chmod(0o755)
    screen, keyboard = pty.openpty()
    path = f"{tmp_path}:{os.environ['PATH']}"
    with run_dash(server, keyboard, PATH=path) as process:
        assert process.stderr
        assert process.stdout
        assert process.stderr.readline() == b"Recording. Press Enter to end.\n"
        assert ready.read_bytes()  # when it can be ended
        os.write(screen, b"\n")
        assert process.stdout.read() == b"hello there\n"
    os.close(screen)
    os.close(keyboard)
