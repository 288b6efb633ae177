"""One visitor of the page leaves the others their turns, their memory and their connections."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from own_ports import own_port
from page_process import page_process

pytestmark = pytest.mark.slow

PASSWORD = "Vorhängeschloss"
LONG = "Good evening everybody. " * 4750


class HeldGateway:
    """A gateway that tells which texts have come, and answers nothing before it ends."""

    def __init__(self):
        self.port, self.texts, self._more = own_port(), [], asyncio.Condition()

    async def heard(self, text, times=1):
        async with self._more:
            await self._more.wait_for(lambda: self.texts.count(text) == times)

    async def _answer(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        if "/v1/audio/speech" in head:
            length = int(head.split("content-length:")[1].split()[0])
            form = (await reader.readexactly(length)).decode()
            text = form.split('name="input"')[1].split("\r\n\r\n", 1)[1].split("\r\n--")[0]
            async with self._more:
                self.texts.append(text)
                self._more.notify_all()
            await reader.read()
        writer.write(b"HTTP/1.1 404 \r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        writer.close()

    @asynccontextmanager
    async def serving(self):
        async with await asyncio.start_server(self._answer, "127.0.0.1", self.port):
            yield self


class Joining:
    """Sends texts to be said."""

    def __init__(self, visitor, say):
        self._visitor, self._say, self._latest = visitor, say, {}

    async def __call__(self, text, tab, **headers):
        data = ["saved", None, "", "clara", text, "", None, 1, ""]
        event = {"fn_index": self._say, "data": data, "session_hash": tab}
        at = f"{self._visitor.at}/queue/join"
        answer = await self._visitor.web.post(at, json=event, headers=headers)
        self._latest[tab] = answer.json().get("event_id") if answer.is_success else None
        return answer.status_code

    async def cancel(self, tab):
        which = {"fn_index": self._say, "session_hash": tab, "event_id": self._latest[tab]}
        answer = await self._visitor.web.post(f"{self._visitor.at}/cancel", json=which)
        assert answer.status_code == 200


@asynccontextmanager
async def held_page(settings):
    """Return a page, its gateway, and what sends a visitor's texts to be said."""
    async with HeldGateway().serving() as gateway:
        at = f"http://127.0.0.1:{gateway.port}"
        async with page_process(settings, ui_gateway=at) as page, page.visitor() as visitor:
            say = next(one for one, name, _ in await visitor.dependencies() if name == "_say")
            yield gateway, Joining(visitor, say)


async def test_a_tab_has_one_turn_of_each_function_and_an_address_leaves_half(free_settings):
    async with held_page(free_settings()) as (gateway, join):
        # Sixteen may wait in a tab, whatever it wants said.
        codes = [await join(LONG, "greedy") for _ in range(18)]
        assert codes == [200] * 17 + [503]
        await join("Good evening.", "another")
        await gateway.heard("Good evening.")
        assert gateway.texts.count(LONG) == 1
        for number in range(8):
            await join("more", f"more {number}")
        await gateway.heard("more", 6)
        assert await join("Elsewhere.", "elsewhere", **{"x-forwarded-for": "10.1.2.3"}) == 200
        await gateway.heard("Elsewhere.")
        assert len(gateway.texts) == 9


async def test_what_is_cancelled_frees_its_turn(free_settings):
    async with held_page(free_settings()) as (gateway, join):
        for number in range(4):
            assert await join(f"text {number}", "tab") == 200
            await gateway.heard(f"text {number}")
            await join.cancel("tab")


async def test_events_count_until_they_have_ended_in_the_memory_that_they_take(free_settings):
    async with held_page(free_settings()) as (_, join):
        odd = "\N{GRINNING FACE}" + "a" * 1_000_000
        tabs = ("greedy", "greedy", "two", "three", "four")
        codes = [await join(odd, tab) for tab in tabs]
        # A tab has 8 MiB, an address 16, and each event takes five.
        assert codes == [200, 503, 200, 200, 503]
        assert await join("Good evening.", "elsewhere", **{"x-forwarded-for": "10.1.2.3"}) == 200


async def test_an_event_that_unpacks_is_refused(free_settings):
    async with page_process(free_settings()) as page, page.visitor() as visitor:
        event = b'{"session_hash": "s", "data": [' + b"[]," * 300_000 + b"0]}"
        answer = await visitor.web.post(f"{visitor.at}/queue/join", content=event)
        assert answer.status_code == 413


async def test_heartbeats_leave_connections_to_others(free_settings):
    async with page_process(free_settings(max_connections=40)) as page, page.visitor() as visitor:

        async def begun(number, open_ones, **headers):
            at = f"{visitor.at}/heartbeat/tab{number}"
            stream = visitor.web.stream("GET", at, headers={"cookie": "", **headers})
            return (await open_ones.enter_async_context(stream)).status_code

        async with AsyncExitStack() as open_ones:
            codes = [await begun(number, open_ones) for number in range(11)]
            assert codes == [200] * 10 + [503]
            elsewhere = {"x-forwarded-for": "10.1.2.3"}
            codes = [await begun(1, open_ones, **elsewhere) for _ in range(5)]
            assert codes == [200] * 3 + [503] * 2
            for path in ("/healthz", "/en/"):
                assert (await visitor.web.get(path)).status_code == 200
        while True:
            async with AsyncExitStack() as open_ones:
                if await begun(0, open_ones) == 200:
                    break


async def test_with_a_password_no_heart_beats_before_the_login(free_settings):
    async with (
        page_process(free_settings(), ui_password=PASSWORD) as page,
        page.visitor() as visitor,
    ):
        at = f"{visitor.at}/heartbeat/tab"
        assert (await visitor.web.get(at)).status_code == 401
        fields = {"username": "me", "password": PASSWORD}
        assert (await visitor.web.post("/en/login", data=fields)).status_code == 200
        async with visitor.web.stream("GET", at) as beats:
            assert beats.status_code == 200
        assert (await visitor.web.get("/healthz")).status_code == 200
