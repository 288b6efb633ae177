"""What models keep of earlier results: read without asking them, cleared without waking them."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from greenroom.controller.caches import Caches, caches
from greenroom.errors import Conflict, TransitionFailed
from greenroom.residency.control import Report
from greenroom.residency.states import Action

METRICS = """\
# HELP nv_cpu_utilization CPU utilization rate [0.0 - 1.0]
# TYPE nv_cpu_utilization gauge
nv_cpu_utilization 0.1
# HELP greenroom_cache_hits_total Requests answered from the model's result cache
# TYPE greenroom_cache_hits_total counter
greenroom_cache_hits_total{model="asr"} 3.000000
greenroom_cache_hits_total{model="tokenizer"} 4.000000
# HELP greenroom_cache_misses_total Requests whose result had to be computed
# TYPE greenroom_cache_misses_total counter
greenroom_cache_misses_total{model="asr"} 1.000000
# HELP greenroom_cache_bytes Bytes of results kept
# TYPE greenroom_cache_bytes gauge
greenroom_cache_bytes{model="asr"} 1280.000000
# HELP greenroom_cache_entries Results kept
# TYPE greenroom_cache_entries gauge
greenroom_cache_entries{model="asr"} 2.000000
"""
ASR = {"entries": 2, "bytes": 1280, "hits": 3, "misses": 1}


@asynccontextmanager
async def tritons_metrics(text):
    """Serve it, and count how often it was asked for."""
    asked = []

    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        asked.append(1)
        head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(text)}\r\nconnection: close\r\n\r\n"
        writer.write((head + text).encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], asked


def test_tritons_metrics_tell_each_models_cache():
    assert caches(METRICS) == {
        "asr": ASR,
        "tokenizer": {"entries": 0, "bytes": 0, "hits": 4, "misses": 0},
    }
    assert caches("nv_cpu_utilization 0.1\n") == {}


async def test_many_who_look_at_once_ask_triton_once(free_settings):
    async with tritons_metrics(METRICS) as (port, asked):
        read = Caches(free_settings(triton_metrics_port=port))
        shown = await asyncio.gather(*(read.read(7.0) for _ in range(5)))
        assert all(one["asr"] == ASR for one in shown)
        await read.read(7.2)
        assert len(asked) == 1
        await read.read(7.3)
        assert len(asked) == 2
        read.forget()
        await read.read(7.3)
        assert len(asked) == 3


async def test_a_triton_that_is_silent_shows_no_cache(free_settings):
    assert await Caches(free_settings()).read(7.0) == {}


async def test_however_many_look_at_a_triton_that_hangs_it_is_asked_once(free_settings):
    """Each of them waits for that one, none for another's turn."""
    asked = []

    async def never(reader, writer):
        asked.append(writer)

    async with await asyncio.start_server(never, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        read = Caches(free_settings(triton_metrics_port=port))
        shown = await asyncio.gather(*(read.read(now) for now in range(9)))
        assert shown == [{}] * 9
        assert len(asked) == 1
        asked[0].close()


async def test_looking_wakes_nobody_and_a_cold_model_has_no_cache(harness, free_settings):
    async with tritons_metrics(METRICS) as (port, _):
        one = await harness(loaded=["asr"], caches=Caches(free_settings(triton_metrics_port=port)))
        await one.controller.act("asr", Action.OFFLOAD)
        calls = len(one.triton.calls)
        await one.wait(5)
        shown = await one.controller.view.shown("asr")
        assert (shown["cache"], shown["residency"], shown["idle_seconds"]) == (ASR, "warm", 5)
        assert (await one.controller.view.shown("tts"))["cache"] is None
        await one.controller.act("asr", Action.UNLOAD)
        assert (await one.controller.view.shown("asr"))["cache"] is None
        assert [call[0] for call in one.triton.calls[calls:]] == ["unload"]


async def test_a_cache_is_cleared_where_the_model_is(harness):
    one = await harness(loaded=["asr"])
    await one.controller.act("asr", Action.OFFLOAD)
    await one.wait(5)
    await one.controller.clear_cache("asr")
    assert one.triton.count("clear_cache", "asr") == 1
    shown = one.controller.view.describe("asr")
    assert (shown["residency"], shown["idle_seconds"], shown["device_bytes"]) == ("warm", 5, 0)


async def test_a_cold_model_has_nothing_to_forget(harness):
    one = await harness()
    await one.controller.clear_cache("asr")
    assert one.residency("asr") == "cold"
    assert one.triton.calls == []


async def test_what_can_not_be_cleared_is_said(harness):
    one = await harness(loaded=["asr", "echo"])
    with pytest.raises(Conflict, match="Model echo does not take the RESIDENCY input"):
        await one.controller.clear_cache("echo")
    one.triton.refusals["clear_cache", "asr"] = Report(residency="hot", error="It is full.")
    with pytest.raises(TransitionFailed, match=r"It is full\."):
        await one.controller.clear_cache("asr")
