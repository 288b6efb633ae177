"""The leases of a plug-in's app: one for all steps of a request, and the client may leave."""

import asyncio

import pytest
from starlette.requests import ClientDisconnect
from tritonclient.grpc import service_pb2 as pb

from greenroom.errors import BackendDied, GreenroomError, QueueFull, UnknownModel
from greenroom.gateway.app_gateway import AppGateway, Mounted
from greenroom.gateway.lease import Leased
from greenroom.gateway.request_body import BoundedBodies
from greenroom.gateway.walks import Walks


class Calls:
    """Calls of models that stay with Triton until the test lets them end."""

    def __init__(self, *errors):
        self.asked = []
        self.begun = asyncio.Event()
        self.end = asyncio.Event()
        self._errors = list(errors)

    async def infer(self, request, metadata=()):
        self.asked.append(request.message.model_name)
        self.begun.set()
        await self.end.wait()
        if self._errors and (error := self._errors.pop(0)):
            raise error
        return pb.ModelInferResponse()


class Client:
    """A client of an app, which may leave."""

    def __init__(self, harness, calls):
        self._house = harness
        leased = Leased(harness.controller, harness.settings)
        self.held = leased.held
        walks = Walks(harness.repository, calls, leased)
        self._gateway = AppGateway("app", harness.settings, harness.controller, leased, walks)
        self.left = asyncio.Event()
        self._body = [{"type": "http.request", "body": b"x" * 50}]

    async def _receive(self):
        if self._body:
            return self._body.pop()
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def asks(self, work):
        """Begin a request that reads its body and does `work` with the gateway."""

        async def app(scope, receive, send):
            await receive()
            await work(self._gateway)

        bounded = BoundedBodies(Mounted(app), self._house.settings, self.held, None, str.isspace)
        scope = {"type": "http", "path": "/app", "headers": ()}
        task = asyncio.create_task(bounded(scope, self._receive, None))
        await self._house.settle()
        return task


def leases(harness):
    return [harness.controller.entry(model).demand.leases for model in ("asr", "tts")]


def outcome(harness, name):
    return harness.metric("requests_total", model="speech", protocol="app", outcome=name)


async def two_steps(gateway):
    async with gateway.lease("speech") as lease:
        assert (lease.start, lease.waited >= 0) == ("cold", True)
        await lease.infer("asr", {})
        await lease.infer("tts", {})


async def test_all_steps_run_under_one_lease(harness):
    one, calls = await harness(), Calls()
    task = await Client(one, calls).asks(two_steps)
    assert (calls.asked, leases(one)) == (["asr"], [1, 1])
    calls.end.set()
    await task
    assert (calls.asked, leases(one)) == (["asr", "tts"], [0, 0])
    assert outcome(one, "served") == 1
    assert one.metric("wait_seconds_count", model="speech", start="cold") == 1


async def test_a_step_whose_process_dies_is_sent_once_more_and_those_before_it_are_not(harness):
    one, calls = await harness(), Calls(None, BackendDied("tts_0_0"))
    calls.end.set()
    await (await Client(one, calls).asks(two_steps))
    assert calls.asked == ["asr", "tts", "tts"]
    assert one.triton.count("load", "tts") == 2
    assert (leases(one), outcome(one, "served")) == ([0, 0], 1)


async def test_a_request_is_sent_again_only_once(harness):
    died = BackendDied("tts_0_0")
    one, calls = await harness(), Calls(None, died, died)
    calls.end.set()
    with pytest.raises(BackendDied, match="again"):
        await (await Client(one, calls).asks(two_steps))
    assert calls.asked == ["asr", "tts", "tts"]
    assert outcome(one, "failed") == 1


async def test_a_client_that_leaves_while_it_waits_frees_its_place(harness):
    one, calls = await harness(), Calls()
    client = Client(one, calls)
    with one.triton.holding("load", "tts"):
        task = await client.asks(two_steps)
        assert one.controller.entry("tts").demand.waiting == 1
        client.left.set()
        with pytest.raises(ClientDisconnect):
            await task
        assert one.controller.entry("tts").demand.waiting == 0
    assert calls.asked == []
    assert outcome(one, "cancelled") == 1


async def test_when_a_client_leaves_triton_ends_its_step_under_the_lease_and_none_follows(harness):
    one, calls = await harness(max_held_bytes=100), Calls()
    client = Client(one, calls)
    task = await client.asks(two_steps)
    client.left.set()
    with pytest.raises(ClientDisconnect):
        await task
    assert leases(one) == [1, 1]
    with pytest.raises(QueueFull, match="already take 50 bytes"):
        client.held.hold(51)
    calls.end.set()
    await one.settle()
    assert leases(one) == [0, 0]
    assert calls.asked == ["asr"]
    client.held.hold(100).let_go()


async def test_only_what_is_leased_can_be_asked(harness):
    async def other(gateway):
        async with gateway.lease("asr") as lease:
            await lease.infer("tts", {})

    async def unknown(gateway):
        async with gateway.lease("nosuch"):
            pass

    one, calls = await harness(), Calls()
    with pytest.raises(GreenroomError, match="'tts' is not leased"):
        await (await Client(one, calls).asks(other))
    with pytest.raises(UnknownModel):
        await (await Client(one, calls).asks(unknown))
    assert (calls.asked, leases(one)) == ([], [0, 0])
