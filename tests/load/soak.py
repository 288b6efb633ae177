"""Ten minutes of waking and leaving, watched for what does not come back.

Runs a burst, so that Triton's buffers have the size they get sooner or later, then the idle-gap,
against a service of its own. Samples are taken when nobody asks and tts has just left: so every
cycle is looked at in the same state.

usage: .venv/bin/python tests/load/soak.py [--minutes 10] [--samples FILE]
"""

import argparse
import asyncio
import json
import os
import sys
from collections import deque
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from ending import until_ended
from footprint_sample import Sample, sample
from growth import WARM_UP, Growth, growth
from load_shapes import MODEL, SHAPES
from locust_process import GatewayAddress, locust
from own_service import own_service
from rich.console import Console
from rich.table import Table

from greenroom_client import AsyncClient

MIB = 2**20
LIMITS = {
    "controller_rss": 2 * MIB,
    "triton_rss": 2 * MIB,
    "stubs_rss": 2 * MIB,
    "shared_memory": 0,
    "handles": 1,
    "threads": 1,
    "temporary": 0,
}
"""Growth in 100 cycles that is not a slope yet: bytes, or numbers."""
BURST = 100
"""Requests at once before the first cycle."""
STARTS = 20
"""Cold and warm starts that ten minutes must have."""


class Watch:
    """Takes the samples: of everything when tts is cold, of the models also when it is warm."""

    def __init__(self, service):
        self._service = service
        self.cold: list[Sample] = []
        self.warm: list[Sample] = []

    async def run(self):
        """Follow the transitions until cancelled."""
        async with AsyncClient(self._service.url) as client, client.events() as events:
            async for event in events:
                if event["model"] == MODEL and event["error"] is None:
                    taken = {"cold": self.cold, "warm": self.warm}.get(event["to"])
                    if taken is not None:
                        taken.append(await asyncio.to_thread(sample, self._service))

    def save(self, file: Path) -> None:
        """Write all samples as JSON."""
        told = {"cold": self.cold, "warm": self.warm}
        file.write_text(
            json.dumps({name: [asdict(one) for one in each] for name, each in told.items()})
        )

    def growths(self) -> list[Growth]:
        """Judge every series; ValueError if the run was too short for that."""
        judged = []
        for name, limit in LIMITS.items():
            series = [getattr(one, name) for one in self.cold]
            judged.append(growth(f"{name}, {MODEL} cold", series, limit))
        # There are two warm moments in a cycle: once after a cold start, once after a warm one.
        series = [one.stubs_rss for one in self.warm[1::2]]
        return [*judged, growth(f"stubs_rss, {MODEL} warm", series, LIMITS["stubs_rss"])]


def table(growths: list[Growth]) -> Table:
    """Return the series with their slopes."""
    made = Table("series", "first third", "last third", "in 100 cycles", "95 %", "limit", "")
    for one in growths:
        unit = MIB if "rss" in one.name else 1
        numbers = [value / unit for value in (one.first, one.last, one.slope, one.low, one.high)]
        first, last, slope, low, high = (f"{number:.2f}" for number in numbers)
        made.add_row(
            f"{one.name}{' (MiB)' if unit == MIB else ''}",
            *(first, last, slope, f"{low} to {high}", f"{one.limit / unit:g}"),
            "kept" if one.kept else "NOT kept",
        )
    return made


async def soak(minutes: float, samples: Path | None) -> int:
    """Run, and return the exit status."""
    log: deque[str] = deque(maxlen=20)
    starts = round(STARTS * minutes / 10)
    options = ["--shape", "idle-gap", "--run-time", f"{minutes * 60:.0f}"]
    options += ["--limit", f"cold={starts}", "--limit", f"warm={starts}"]
    async with own_service(
        SHAPES["idle-gap"], lambda name, line: log.append(f"{name} | {line}")
    ) as service:
        address = GatewayAddress.of(service)
        burst = ["--shape", "burst", "--users", str(BURST)]
        failed = await locust(address, burst, environment=os.environ)
        watch = Watch(service)
        watching = asyncio.create_task(watch.run())
        try:
            failed |= await locust(address, options, environment=os.environ)
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
    if samples:
        watch.save(samples)
    try:
        growths = watch.growths()
    except ValueError as error:
        print(f"No verdict: {error}.", file=sys.stderr)
        return 1
    print(f"{len(watch.cold)} cycles, the first {WARM_UP} of them left out")
    Console(width=120, highlight=False).print(table(growths))
    return failed or int(not all(one.kept for one in growths))


def main() -> int:
    """Run with the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--samples", type=Path, help="write all samples there, as JSON")
    arguments = parser.parse_args()
    return until_ended(soak(arguments.minutes, arguments.samples))


if __name__ == "__main__":
    sys.exit(main())
