"""GET /residency/events as an iterator of transitions."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator

import pytest
from scripted_server import Answer, ScriptedServer, json_answer

from greenroom_client import (
    AsyncClient,
    Client,
    ConnectionFailed,
    GreenroomClientError,
    Refused,
    ServerError,
)

PATH = "/residency/events"
STREAM = {"Content-Type": "text/event-stream; charset=utf-8"}
Follow = Callable[[int | None], list[object]]


@pytest.fixture(params=["sync", "async"])
def follow(request: pytest.FixtureRequest, server: ScriptedServer) -> Follow:
    """Return a reader of the next ``count`` events, or of all, by each of the two clients."""

    def by_sync(count: int | None) -> list[object]:
        with Client(server.url, timeout=5) as client, client.events() as events:
            if count is None:
                return list(events)
            return [next(events) for _ in range(count)]

    async def by_async(count: int | None) -> list[object]:
        async with AsyncClient(server.url, timeout=5) as client, client.events() as events:
            if count is None:
                return [event async for event in events]
            return [await anext(events) for _ in range(count)]

    return by_sync if request.param == "sync" else lambda count: asyncio.run(by_async(count))


def sse(event: dict[str, object]) -> bytes:
    return f"event: transition\r\ndata: {json.dumps(event)}\r\n\r\n".encode()


LOAD = {"model": "tts", "action": "load", "from": "cold", "to": "hot", "seconds": 1.5}
UNLOAD = {"model": "tts", "action": "unload", "from": "hot", "to": "cold", "seconds": 0.5}


def test_events_come_in_order_between_pings(server: ScriptedServer, follow: Follow) -> None:
    pieces = [b": ping\r\n\r\n", sse(LOAD), b": ping\r\n\r\n", sse(UNLOAD)]
    server.on("GET", PATH, lambda _: Answer(200, iter(pieces), STREAM))

    assert follow(None) == [LOAD, UNLOAD]


def test_an_event_is_handed_on_while_the_stream_goes_on(
    server: ScriptedServer, follow: Follow
) -> None:
    left = threading.Event()

    def endless() -> Iterator[bytes]:
        yield sse(LOAD)
        left.wait(20)

    server.on("GET", PATH, lambda _: Answer(200, endless(), STREAM))
    try:
        assert follow(1) == [LOAD]
    finally:
        left.set()


def test_a_refusal_is_told_at_once(server: ScriptedServer, follow: Follow) -> None:
    server.on("GET", PATH, json_answer({"error": "admin scope is needed."}, 403))

    with pytest.raises(Refused, match=r"^admin scope is needed\.$"):
        follow(None)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(200, b"<html>", {"Content-Type": "text/html"}), ServerError),
        (Answer(200, b"data: nonsense\n\n", STREAM), ServerError),
        (Answer(200, iter([sse(LOAD)]), {**STREAM, "Content-Length": "500"}), ConnectionFailed),
        (Answer(302, b"", {"Location": "/"}), ServerError),
    ],
)
def test_a_broken_stream_is_an_error(
    server: ScriptedServer, follow: Follow, answer: Answer, kind: type[GreenroomClientError]
) -> None:
    server.on("GET", PATH, answer)

    with pytest.raises(kind):
        follow(None)


def test_errors_of_the_caller_pass_through(server: ScriptedServer) -> None:
    server.on("GET", PATH, lambda _: Answer(200, iter([sse(LOAD)]), STREAM))

    def stumble() -> None:
        with Client(server.url) as client, client.events() as events:
            assert next(events) == LOAD
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        stumble()
