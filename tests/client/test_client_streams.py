"""Speech that comes while it is made, by both clients and the command line."""

import asyncio
import base64
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import run
from scripted_server import Answer, Request, ScriptedServer, json_answer

from greenroom_client import AsyncClient, Client, ConnectionFailed, InvalidInput, ServerError
from greenroom_client.audio import sixteen_bits
from greenroom_client.streams import STREAM_PATH, wav_header

SAMPLES = np.linspace(-0.5, 0.5, 3000, dtype=np.float32)
FILE = wav_header(24000) + sixteen_bits(SAMPLES)
DONE = {"type": "speech.audio.done", "usage": {}}
BROKEN = {"type": "error", "error": {"message": "The model died."}}


def event(content: dict[str, Any]) -> bytes:
    return f"event: {content['type']}\ndata: {json.dumps(content)}\n\n".encode()


def delta(sound: bytes) -> bytes:
    return event({"type": "speech.audio.delta", "audio": base64.b64encode(sound).decode()})


def answer(*events: bytes | Iterator[bytes]) -> Answer:
    headers = {"Content-Type": "text/event-stream", "X-Greenroom-Transcript": "caf%C3%A9"}
    return Answer(200, b"".join(events), headers)


WHOLE = answer(delta(FILE[:1001]), delta(FILE[1001:2500]), delta(FILE[2500:]), event(DONE))


def listen(server: ScriptedServer, by: type, *args: Any, **fields: Any) -> list[Any]:
    async def asynchronous() -> list[Any]:
        async with AsyncClient(server.url) as client:
            return [piece async for piece in client.clone_stream(*args, **fields)]

    if by is AsyncClient:
        return asyncio.run(asynchronous())
    with Client(server.url) as client:
        return list(client.clone_stream(*args, **fields))


both = pytest.mark.parametrize("by", [Client, AsyncClient])


@both
def test_pieces_come_in_order_with_rate_and_transcript(
    server: ScriptedServer, by: type, tone: Path
) -> None:
    server.on("POST", STREAM_PATH, WHOLE)

    pieces = listen(server, by, tone, "Say this.", "that", "en", task="emotion", seed=5)

    assert len(pieces) == 3
    assert {(piece.sample_rate, piece.transcript) for piece in pieces} == {(24000, "caf\u00e9")}
    sound = np.concatenate([piece.samples for piece in pieces])
    assert np.allclose(sound, SAMPLES, atol=1e-4)
    (request,) = server.sent_to(STREAM_PATH)
    assert tone.read_bytes() in request.body
    for field in ("input", "transcript", "language", "task", "seed", "stream_format"):
        assert f'name="{field}"'.encode() in request.body


@both
@pytest.mark.parametrize(
    ("last", "error", "sentence"),
    [
        (event(BROKEN), ServerError, "The model died."),
        (b"", ConnectionFailed, "the speech broke off before its end."),
    ],
)
def test_what_breaks_off_is_an_error(
    server: ScriptedServer, by: type, tone: Path, last: bytes, error: type, sentence: str
) -> None:
    server.on("POST", STREAM_PATH, answer(delta(FILE), last))

    with pytest.raises(error, match=sentence):
        listen(server, by, tone, "Say this.")


@both
def test_a_refusal_is_the_servers_sentence(server: ScriptedServer, by: type) -> None:
    server.on("POST", STREAM_PATH, json_answer({"error": {"message": "input is wrong."}}, 400))

    with pytest.raises(InvalidInput, match="input is wrong"):
        listen(server, by, (SAMPLES, 24000), "Say this.")


def test_who_stops_listening_ends_the_request(server: ScriptedServer, tone: Path) -> None:
    left = threading.Event()

    def endless(_: Request) -> Answer:
        def events() -> Iterator[bytes]:
            try:
                while True:
                    yield delta(FILE)
            finally:
                left.set()

        return Answer(200, events(), {"Content-Type": "text/event-stream"})

    server.on("POST", STREAM_PATH, endless)
    with Client(server.url) as client:
        pieces = client.clone_stream(tone, "Say this.")
        next(pieces)
        pieces.close()
        assert left.wait(20)


def test_the_command_writes_a_wav_to_its_output(server: ScriptedServer, tone: Path) -> None:
    server.on("POST", STREAM_PATH, WHOLE)
    done = run("clone", tone, "this", "-o", "-", "--url", server.url, text=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout == FILE


@pytest.mark.slow
def test_the_command_plays_with_what_is_installed(
    server: ScriptedServer, tone: Path, tmp_path: Path
) -> None:
    server.on("POST", STREAM_PATH, WHOLE)
    player, heard = tmp_path / "aplay", tmp_path / "heard.wav"
    player.write_text(f"#!/bin/sh\nexec /bin/cat > {heard}\n")
    player.chmod(0o755)

    done = run("clone", tone, "this", "--play", "--url", server.url, PATH=str(tmp_path))
    missing = run("clone", tone, "this", "--play", "--url", server.url, PATH="/nowhere")

    assert done.returncode == 0, done.stderr
    assert heard.read_bytes() == FILE
    assert missing.returncode == 1
    assert "no program to play audio is installed" in missing.stderr


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ((), "--output or --play must say"),
        (("--play", "-o", "x.wav"), "--play plays and writes no file"),
        (("-o", "-", "-t", "denoise", "-t", "vad"), "take only one --task"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(
    tone: Path, options: tuple[str, ...], sentence: str
) -> None:
    done = run("clone", tone, "this", *options)

    assert done.returncode == 2
    assert sentence in done.stderr
