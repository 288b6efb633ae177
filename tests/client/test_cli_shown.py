"""What another user or a server wrote does nothing to the terminal of who reads it."""

from pathlib import Path

import pytest
from command_line import on_terminal, run
from scripted_server import Answer, ScriptedServer, json_answer

from greenroom_client.cli.shown import printable

pytestmark = pytest.mark.slow

ODD = "Hi [/no] [red]x[/red] [link=http://evil]y[/link] \x1b]0;pwned\x07 \x9b31m "
ODD += "\u202e\u2066 \ud800\n"
SHOWN = r"Hi [/no] [red]x[/red] [link=http://evil]y[/link] \x1b]0;pwned\x07 \x9b31m "
SHOWN += r"\u202e\u2066 \ud800\x0a"
VOICE = {"name": "odd", "language": "\x1b[2J", "seconds": 1.0, "transcript": ODD}


def test_what_does_something_is_written_out() -> None:
    assert printable(ODD) == SHOWN
    assert printable("a\tb\n", kept="\n\t") == "a\tb\n"
    assert printable("née 漢字 \u200d👍") == "née 漢字 \u200d👍"


def test_voices_are_listed_whatever_their_transcripts_say(server: ScriptedServer) -> None:
    server.on("GET", "/v1/voices", json_answer({"data": [VOICE]}))

    done = run("voices", "list", GREENROOM_URL=server.url, COLUMNS="200", FORCE_COLOR="1")

    assert (done.returncode, done.stderr) == (0, "")
    assert SHOWN in done.stdout
    assert r"\x1b[2J" in done.stdout
    assert "\x1b]" not in done.stdout


def test_a_saved_voice_is_told_so(server: ScriptedServer, tone: Path) -> None:
    server.on("POST", "/v1/voices", json_answer(VOICE, 201))

    done = run("voices", "add", "odd", tone, "--consent", "x", GREENROOM_URL=server.url)

    assert (done.returncode, done.stdout) == (0, f"Saved odd, 1.0 s: {SHOWN}\n")


def test_errors_and_states_are_shown_so(server: ScriptedServer) -> None:
    server.on("GET", "/v1/voices", json_answer({"error": {"message": ODD}}, 400))
    model = {"residency": "\x1b[2J", "last_error": ODD}
    server.on("GET", "/residency", json_answer({"models": {"odd\x1b": model}, "gpu": None}))

    failed = run("voices", "list", GREENROOM_URL=server.url)
    status = run("status", GREENROOM_URL=server.url, COLUMNS="200")

    assert failed.stderr == f"greenroom: {SHOWN}\n"
    assert SHOWN in status.stdout
    assert "\x1b" not in status.stdout


def test_a_transcript_is_plain_on_a_terminal_and_as_it_is_in_a_pipe(
    server: ScriptedServer, tone: Path
) -> None:
    server.on("POST", "/v1/audio/transcriptions", Answer(200, b"a\tb \x1b]0;pwned\x07\n"))

    assert run("transcribe", tone, GREENROOM_URL=server.url).stdout == "a\tb \x1b]0;pwned\x07\n"
    with on_terminal("transcribe", tone, "-q", "--url", server.url) as shown:
        shown.wait_to_see(r"b \\x1b\]0;pwned\\x07")
