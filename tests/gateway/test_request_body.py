"""Bodies count as held from their first byte until the answer is complete."""

import asyncio

import pytest

from greenroom.errors import QueueFull
from greenroom.gateway.held_bytes import HeldBytes
from greenroom.gateway.request_body import BoundedBodies, hold_of

SCOPE = {"type": "http", "path": "/infer", "headers": ()}


def bounded(app, settings, held):
    def refuse(error, path):
        async def refusing(scope, receive, send):
            raise error

        return refusing

    return BoundedBodies(app, settings, held, refuse, lambda path: path == "/healthz")


async def answered(held, settings, parts, answer):
    """Let an app read a body, and then do `answer` with the request's hold."""
    messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    messages[-1]["more_body"] = False

    async def receive():
        return messages.pop(0)

    async def app(scope, receive, send):
        while (await receive())["more_body"]:
            pass
        await answer(hold_of(scope))

    await bounded(app, settings, held)(SCOPE, receive, None)


async def test_a_whole_body_counts_until_the_answer_is_complete(free_settings):
    held, answering, end = HeldBytes(100), asyncio.Event(), asyncio.Event()

    async def answer(hold):
        answering.set()
        await end.wait()

    task = asyncio.create_task(answered(held, free_settings(), [b"x" * 40, b"x" * 20], answer))
    await answering.wait()
    with pytest.raises(QueueFull, match="already take 60 bytes"):
        held.hold(41)
    end.set()
    await task
    held.hold(100)


async def test_a_body_that_somebody_else_still_uses_counts_on_and_only_once(free_settings):
    held, kept = HeldBytes(100), []

    async def answer(hold):
        hold.share()
        kept.append(hold)

    await answered(held, free_settings(), [b"x" * 60], answer)
    held.hold(40).let_go()
    with pytest.raises(QueueFull):
        held.hold(41)
    kept[0].let_go()
    held.hold(100)


async def test_a_body_counts_no_longer_when_it_is_refused(free_settings):
    held = HeldBytes(100)
    with pytest.raises(QueueFull):
        await answered(held, free_settings(), [b"x" * 60, b"x" * 60], None)
    held.hold(100)


@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_the_head_of_a_request_counts_as_long(kind, free_settings):
    held, counted = HeldBytes(1000), []

    async def app(scope, receive, send):
        counted.append(held.now)

    one = bounded(app, free_settings(), held)
    scope = {**SCOPE, "type": kind, "headers": [(b"name", b"value")] * 4}
    await one(scope, None, None)
    assert (counted, held.now) == ([4 * 209], 0)
    held.keep(200, "")
    with pytest.raises(QueueFull, match="836 bytes more"):
        await one(scope, None, None)


async def test_when_answers_take_too_much_only_probes_are_answered(free_settings):
    held, sent = HeldBytes(100), []

    async def app(scope, receive, send):
        await send({"type": "http.response.body", "body": b"x" * 20})

    async def send(message):
        sent.append((len(message["body"]), held.now))

    held.keep(150, "")
    one = bounded(app, free_settings(), held)
    await one({**SCOPE, "path": "/healthz"}, None, send)
    assert sent == [(20, 170)]
    with pytest.raises(QueueFull, match="already take 150 bytes"):
        await one(SCOPE, None, send)
