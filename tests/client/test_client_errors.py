"""Every way in which a server can refuse or fail is one typed error with one sentence."""

import socket
import threading
from pathlib import Path

import pytest
from both_clients import Ask
from scripted_server import Answer, HangUp, Request, ScriptedServer, json_answer

from greenroom_client import (
    ConnectionFailed,
    GreenroomClientError,
    InvalidInput,
    NotFound,
    Refused,
    ServerError,
    Timeout,
    Unavailable,
)

SPEECH = "/v2/models/speech/infer"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidInput),
        (401, Refused),
        (403, Refused),
        (404, NotFound),
        (408, Timeout),
        (409, InvalidInput),
        (413, InvalidInput),
        (429, Unavailable),
        (500, ServerError),
        (501, ServerError),
        (502, Unavailable),
        (503, Unavailable),
        (504, Timeout),
    ],
)
def test_the_status_decides_the_error_and_the_sentence_is_the_servers(
    ask: Ask, server: ScriptedServer, tone: Path, status: int, kind: type[GreenroomClientError]
) -> None:
    server.on("POST", SPEECH, json_answer({"error": "tts is busy with 3 others."}, status))

    with pytest.raises(GreenroomClientError) as failed:
        ask("clone", tone, "this")
    assert type(failed.value) is kind
    assert str(failed.value) == "tts is busy with 3 others."


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("0.5", 0.5), ("soon", None), (None, None)]
)
def test_unavailable_says_when_to_come_back(
    ask: Ask, server: ScriptedServer, header: str | None, seconds: float | None
) -> None:
    headers = {} if header is None else {"Retry-After": header}
    server.on("GET", "/residency", json_answer({"error": "full."}, 503, **headers))

    with pytest.raises(Unavailable) as failed:
        ask("residency")
    assert failed.value.retry_after == seconds


def test_the_error_object_of_v1_is_understood(ask: Ask, server: ScriptedServer) -> None:
    server.on("GET", "/residency", json_answer({"error": {"message": "no."}}, 400))

    with pytest.raises(InvalidInput, match=r"^no\.$"):
        ask("residency")


@pytest.mark.parametrize(
    "body", [b"", b"<html>nginx</html>", b"[1]", b'{"error": 3}', b'{"error": ""}', b"\xff\x00"]
)
def test_an_error_without_a_sentence_gets_one(
    ask: Ask, server: ScriptedServer, body: bytes
) -> None:
    server.on("GET", "/residency", Answer(500, body))

    with pytest.raises(ServerError, match=r"answered 500 \(Internal Server Error\) to http"):
        ask("residency")


def test_an_unknown_status_and_a_redirect_are_no_success(ask: Ask, server: ScriptedServer) -> None:
    server.on("GET", "/residency", Answer(599))
    with pytest.raises(ServerError, match="answered 599"):
        ask("residency")
    server.on("GET", "/residency", Answer(302, headers={"Location": "/elsewhere"}))
    with pytest.raises(ServerError, match="answered 302"):
        ask("residency")


def hang_up(_: Request) -> Answer:
    raise HangUp


def test_a_closed_connection(ask: Ask, server: ScriptedServer, tone: Path) -> None:
    server.on("POST", SPEECH, hang_up)

    with pytest.raises(ConnectionFailed, match="connection broke"):
        ask("clone", tone, "this")


def test_an_answer_cut_short(ask: Ask, server: ScriptedServer) -> None:
    cut = Answer(200, iter([b"{"]), {"Content-Length": "100"})
    server.on("GET", "/residency", cut)

    with pytest.raises(ConnectionFailed, match="connection broke"):
        ask("residency")


def test_what_is_no_http_server(ask: Ask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def babble() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"220 mail.example.org ESMTP\r\n")

        talker = threading.Thread(target=babble)
        talker.start()
        with pytest.raises(ConnectionFailed, match="connection broke"):
            ask("residency", client={"url": f"http://127.0.0.1:{listener.getsockname()[1]}"})
        talker.join()


def test_nobody_listens(ask: Ask) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}"

        with pytest.raises(ConnectionFailed, match=f"GET {url}/residency: cannot connect"):
            ask("residency", client={"url": url})


def test_a_slow_answer(ask: Ask, server: ScriptedServer) -> None:
    done = threading.Event()

    def wait(_: Request) -> Answer:
        done.wait(20)
        raise HangUp

    server.on("GET", "/residency", wait)
    try:
        with pytest.raises(Timeout, match=r"no answer within 0\.1 s"):
            ask("residency", client={"timeout": 0.1})
    finally:
        done.set()
