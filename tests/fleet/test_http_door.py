"""What a replica passes on of WebSockets, to a gateway that ends, comes back or refuses."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp import WSMsgType, web
from own_ports import own_port

from greenroom.fleet.http_door import HttpDoor


async def gateway(request: web.Request) -> web.WebSocketResponse:
    """Says back what it hears, until it is told to close or to break off."""
    if "Authorization" not in request.headers:
        raise web.HTTPUnauthorized
    socket = web.WebSocketResponse(protocols=["realtime"])
    await socket.prepare(request)
    async for message in socket:
        if message.data == "close":
            await socket.close(code=4321)
        elif message.data == "break":
            assert request.transport is not None
            request.transport.abort()
        elif message.type is WSMsgType.TEXT:
            await socket.send_str(f"{request.query_string} {message.data}")
        else:
            await socket.send_bytes(message.data)
    return socket


class Gateway:
    """One that can be started late."""

    def __init__(self) -> None:
        self.port = own_port()
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/talk", gateway)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def stop(self) -> None:
        if self._runner:
            await self._runner.cleanup()


@pytest.fixture
async def listening() -> AsyncIterator[Gateway]:
    gateway = Gateway()
    yield gateway
    await gateway.stop()


class Client:
    """The ASGI side of one WebSocket."""

    def __init__(self, port: int, key: bool = True, running: Callable[[], bool] = lambda: True):
        self.heard: asyncio.Queue[dict] = asyncio.Queue()
        self.said: asyncio.Queue[dict] = asyncio.Queue()
        self.said.put_nowait({"type": "websocket.connect"})
        scope = {
            "type": "websocket",
            "path": "/talk",
            "query_string": b"a=b",
            "headers": [(b"authorization", b"Bearer key")] if key else [],
            "subprotocols": ["realtime"],
        }
        door = HttpDoor(f"http://127.0.0.1:{port}", running)
        self.passing = asyncio.create_task(self._pass(door, scope))

    async def _pass(self, door: HttpDoor, scope: dict) -> None:
        async with door.session:
            await door.pass_on(scope, self.said.get, self.heard.put)

    async def say(self, **message: object) -> dict:
        await self.said.put({"type": "websocket.receive", **message})
        return await self.heard.get()


async def test_both_kinds_of_messages_and_the_ends_code(listening: Gateway) -> None:
    await listening.start()
    client = Client(listening.port)
    assert await client.heard.get() == {"type": "websocket.accept", "subprotocol": "realtime"}
    assert (await client.say(text="hello"))["text"] == "a=b hello"
    assert (await client.say(bytes=b"\0\xff"))["bytes"] == b"\0\xff"
    assert await client.say(text="close") == {"type": "websocket.close", "code": 4321}
    await client.passing


async def test_a_client_that_leaves_ends_it(listening: Gateway) -> None:
    await listening.start()
    client = Client(listening.port)
    await client.heard.get()
    await client.said.put({"type": "websocket.disconnect", "code": 1001})
    await client.passing


async def test_a_gateway_that_breaks_off_restarts(listening: Gateway) -> None:
    await listening.start()
    client = Client(listening.port)
    await client.heard.get()
    assert await client.say(text="break") == {"type": "websocket.close", "code": 1012}
    await client.passing


async def test_who_has_no_key_is_refused(listening: Gateway) -> None:
    await listening.start()
    client = Client(listening.port, key=False)
    assert await client.heard.get() == {"type": "websocket.close", "code": 1008}
    await client.passing


async def test_a_gateway_that_comes_back_is_waited_for(listening: Gateway) -> None:
    looked = asyncio.Event()

    def running() -> bool:
        looked.set()
        return True

    client = Client(listening.port, running=running)
    await looked.wait()
    await listening.start()
    assert (await client.heard.get())["type"] == "websocket.accept"
    await client.said.put({"type": "websocket.disconnect"})
    await client.passing


async def test_one_that_does_not_come_back_is_not(listening: Gateway) -> None:
    client = Client(listening.port, running=lambda: False)
    assert await client.heard.get() == {"type": "websocket.close", "code": 1008}
    await client.passing
