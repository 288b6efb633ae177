"""When Gradio's browser side may be told that its event was accepted."""

import asyncio

import pytest

LEAST = 0.1


@pytest.mark.slow
async def test_an_event_is_accepted_when_the_browser_knows_that_its_answers_have_ended(tmp_path):
    # Gradio's imports take seconds of each process that collects tests.
    from greenroom_speech.ui.files import VisitorsFiles
    from greenroom_speech.ui.visits import Visits

    more = asyncio.Event()

    async def gradio(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if scope["method"] == "GET":
            await more.wait()
        await send({"type": "http.response.body", "body": b""})

    files = VisitorsFiles(tmp_path, 2**20)
    visits = Visits(
        gradio, files=files, port=1, max_upload=1, receive_timeout=1, streams=9,
        refuse=lambda *_: None,
    )  # fmt: skip
    clock = asyncio.get_running_loop().time

    async def ask(method, path, visitor):
        cookie = f"greenroom-visitor-1={visitor * 43}".encode()
        headers = [(b"cookie", cookie), (b"content-length", b"2")]
        scope = {"type": "http", "method": method, "path": path, "scheme": "http"}
        scope |= {"client": ("127.0.0.1", 9), "query_string": b""}

        async def receive():
            return {"type": "http.request", "body": b"{}"}

        async def send(message):
            pass

        began = clock()
        await visits({**scope, "headers": headers}, receive, send)
        return clock() - began

    join, data = "/en/gradio_api/queue/join", "/en/gradio_api/queue/data"
    answers = asyncio.create_task(ask("GET", data, "a"))
    await asyncio.sleep(0)
    assert await ask("POST", join, "a") >= LEAST
    more.set()
    await answers
    assert await ask("POST", join, "a") >= LEAST
    assert min([await ask("POST", join, "b") for _ in range(5)]) < LEAST
