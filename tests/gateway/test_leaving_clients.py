"""Clients that leave: what nobody waits for is not begun, wherever the request is."""

import asyncio
import shutil
from pathlib import Path

import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
from starlette.responses import Response

from greenroom.gateway.disconnect import unless_left
from greenroom.gateway.until_left import UntilLeft

MODELS = Path(__file__).parent / "waiting_model"


async def test_of_200_requests_that_are_cut_at_once_only_those_that_run_end(start, gate, tmp_path):
    """Over both protocols; whoever asks next is answered after the one that has begun."""
    shutil.copytree(MODELS, tmp_path / "models" / "waiting")
    running = await start(model_repository=tmp_path / "models", ensemble_repository=None)
    await running.act("waiting", "load")
    by_grpc, by_http = inputs(triton_grpc), inputs(triton_http)
    async with asyncio.TaskGroup() as group:
        asked = [
            group.create_task(one)
            for _ in range(100)
            for one in (
                running.grpc.infer("waiting", by_grpc),
                running.http.infer("waiting", by_http),
            )
        ]
        await running.until("waiting", leases=200)
        for one in asked:
            one.cancel()
    await running.until("waiting", leases=0)
    following = asyncio.create_task(running.grpc.infer("waiting", by_grpc))
    await running.until("waiting", leases=1)
    gate.touch()
    assert (await following).as_numpy("RUN").item() == 2
    assert running.count("Traceback") == 0


def inputs(client):
    tensor = client.InferInput("X", [1, 1], "INT32")
    tensor.set_data_from_numpy(np.zeros((1, 1), np.int32))
    return [tensor]


class Client:
    """What uvicorn hands to an application: a request that has come, and its client's leaving."""

    def __init__(self):
        self.left = asyncio.Event()
        self.sent = []
        self._body = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive(self):
        if self._body:
            return self._body.pop()
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        self.sent.append(message)


@pytest.mark.parametrize(("ends", "expected"), [(True, "cancelled"), (False, "answered")])
async def test_the_work_ends_where_it_is_when_the_client_leaves(ends, expected):
    client, reached, goes_on, ended = Client(), asyncio.Event(), asyncio.Event(), []

    async def app(scope, receive, send):
        await receive()
        reached.set()
        try:
            await goes_on.wait()
            await Response()(scope, receive, send)
            ended.append("answered")
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    application = UntilLeft(app, lambda scope: ends)
    running = asyncio.create_task(application({"type": "http"}, client.receive, client.send))
    await reached.wait()
    client.left.set()
    if not ends:
        goes_on.set()
    await running
    assert ended == [expected]


async def test_an_answer_that_has_begun_is_its_own_business():
    client = Client()

    async def app(scope, receive, send):
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        client.left.set()
        assert (await receive())["type"] == "http.disconnect"

    await UntilLeft(app, lambda scope: True)({"type": "http"}, client.receive, client.send)
    assert len(client.sent) == 1


async def test_a_cancellation_by_another_is_handed_on():
    client, reached = Client(), asyncio.Event()

    async def app(scope, receive, send):
        await receive()
        reached.set()
        await asyncio.Event().wait()

    application = UntilLeft(app, lambda scope: True)
    running = asyncio.create_task(application({"type": "http"}, client.receive, client.send))
    await reached.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


@pytest.mark.parametrize("turns", range(1, 8))
async def test_a_cancellation_after_the_result_is_not_lost(turns):
    result = asyncio.get_running_loop().create_future()

    async def work():
        await unless_left(asyncio.Event().wait, result)
        await asyncio.sleep(0)

    working = asyncio.create_task(work())
    for _ in range(4):
        await asyncio.sleep(0)
    result.set_result(None)
    for _ in range(turns):
        await asyncio.sleep(0)
    assert working.cancel() is not working.done()
    await asyncio.wait({working})
    assert working.cancelled() == bool(working.cancelling())
