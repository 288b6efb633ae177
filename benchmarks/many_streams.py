"""Many streams of speech at once: what comes late, what is lost, in which order they begin.

R is the real-time factor of one stream: seconds until its end for a second of its sound. Then
floor(0.7 / R) streams at once, of which none may have a late piece; 8; and 64, which may be late
but not fail: their seconds of sound a second against those of 8, the order of their first sounds
against that of the requests, and the late pieces that the clients saw against those that the
service has counted. A part is late when all that came before it has been played already.

usage: .venv/bin/python benchmarks/many_streams.py [--many 64] [--engines embedded]
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import httpx
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from rich.table import Table
from speech_service import speech_service

from greenroom.supervisor import Service

RATE = 24_000
LEAST_RATIO, FILL = 0.9, 0.7
APART = 0.02
"""Seconds between two requests, so that their order is known."""
COLUMNS = ("streams", "late: clients", "service", "sound a second", "first sound", "overtaken")
TEXT = (
    "Number {} tells a story. The old house beside the river was sold again last winter, and "
    "nobody knows why. People come here every morning with bread and flowers for their friends. "
    "Some music begins early; others wait until the rain has gone."
)


@dataclass(frozen=True)
class Heard:
    """One stream as its client saw it; times are of time.perf_counter."""

    asked: float
    first: float
    ended: float
    seconds: float
    late: int


async def heard(web: httpx.AsyncClient, number: int, voice: str) -> Heard:
    asked = {"input": TEXT.format(number), "voice": voice, "response_format": "pcm"}
    first = played_until = 0.0
    size = late = 0
    began = time.perf_counter()
    async with web.stream("POST", "/v1/audio/speech", json=asked) as answer:
        answer.raise_for_status()
        async for part in answer.aiter_raw():
            now = time.perf_counter()
            first = first or now
            played_until = played_until or now
            late += now > played_until
            size += len(part)
            played_until = max(played_until, now) + len(part) / 2 / RATE
    return Heard(began, first, time.perf_counter(), size / 2 / RATE, late)


async def at_once(web: httpx.AsyncClient, count: int, voice: str) -> list[Heard]:
    async def later(number: int) -> Heard:
        await asyncio.sleep(number * APART)
        return await heard(web, number, voice)

    return await asyncio.gather(*map(later, range(count)))


async def counted_late(web: httpx.AsyncClient) -> float:
    text = (await web.get("/metrics")).text
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "greenroom_stream_late_pieces_total"
    )


def pace(streams: Sequence[Heard]) -> float:
    """Seconds of sound a second."""
    took = max(one.ended for one in streams) - min(one.asked for one in streams)
    return sum(one.seconds for one in streams) / took


async def measured(service: Service, voice: str, many: int) -> tuple[Table, bool]:
    table = Table(
        "streams", "late: clients", "service", "sound a second", "first sound", "overtaken"
    )
    found: dict[int, tuple[list[Heard], float]] = {}
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=service.url, timeout=900, limits=limits) as web:
        await heard(web, 0, voice)
        alone = [await heard(web, number, voice) for number in range(3)]
        factor = statistics.median((one.ended - one.asked) / one.seconds for one in alone)
        few = max(1, int(FILL / factor))
        for count in dict.fromkeys((few, 8, many)):
            before = await counted_late(web)
            streams = await at_once(web, count, voice)
            found[count] = streams, await counted_late(web) - before
    for count, (streams, counted) in found.items():
        firsts = [one.first - one.asked for one in streams]
        table.add_row(
            str(count),
            str(sum(one.late for one in streams)),
            f"{counted:.0f}",
            f"{pace(streams):.2f} s",
            f"{statistics.median(firsts):.2f} s, {max(firsts):.2f} s at most",
            str(overtaken(streams)),
        )
    ratio = pace(found[many][0]) / pace(found[8][0])
    differ = abs(sum(one.late for one in found[many][0]) - found[many][1])
    table.caption = (
        f"R {factor:.2f}, so {few} at once; sound a second, {many} against 8: {ratio:.2f} "
        f"(at least {LEAST_RATIO}); late pieces differ by {differ:.0f} (at most 1)"
    )
    late = sum(one.late for one in found[few][0])
    good = not late and ratio >= LEAST_RATIO and differ <= 1 and not overtaken(found[many][0])
    return table, good


def overtaken(streams: Sequence[Heard]) -> int:
    """How many first sounds came after that of the request behind them."""
    return sum(one.first > following.first for one, following in pairwise(streams))


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--many", type=int, default=64)
    parser.add_argument("--voice", default="clara")
    parser.add_argument("--engines", default="embedded")
    asked = parser.parse_args()
    async with speech_service(asked.engines) as service:
        table, good = await measured(service, asked.voice, asked.many)
    Console(width=120).print(table)
    raise SystemExit(not good)


if __name__ == "__main__":
    asyncio.run(main())
