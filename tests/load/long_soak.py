"""Hours of everything at once, watched for what does not come back.

Speech whole and in pieces, clients that leave, voices that are saved and deleted, loads and unloads
by hand, and every minute a killed model process; or, with --models, as many models of which fifty
are asked. Everybody rests before each sample, so that each is taken in the same state.

usage: .venv/bin/python tests/load/long_soak.py [--minutes 120] [--models 1000] [--samples FILE]
"""

import argparse
import asyncio
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections import deque
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import httpx
import psutil
from chaos import CLIENTS, ENGINES, Client, Counts
from ending import until_ended
from footprint_sample import Sample, sample
from growth import growth
from load_shapes import SHAPES
from own_service import own_service
from rich.console import Console
from soak import LIMITS, table

from greenroom.residency.policy import Policy
from greenroom.triton.leftovers import stubs
from greenroom_speech.voices import voice

CYCLE = 20.0
"""Seconds of work before a sample; fewer in a short run."""
SAMPLES = 40
REST = 3.0
KILL_EVERY = 60.0
ASKED = 50
ECHO = Path(__file__).parent.parent / "models" / "echo"


class VoiceKeeper(Client):
    """Saves and deletes voices between its other requests."""

    async def _hand(self) -> None:
        name = f"soak{self._random.randrange(5)}"
        spoken = voice("clara")
        files = {"file": ("clara.flac", spoken.path.read_bytes())}
        fields = {"name": name, "transcript": spoken.transcript, "consent": "true"}
        made = await self._web.post("/v1/voices", data=fields, files=files)
        if made.status_code not in (200, 201, 409, 503):
            self._counts.lose(f"saving a voice: {made.status_code} {made.text[:200]}")
        await self._web.delete(f"/v1/voices/{name}")
        self._counts["answered"] += 1


class Fifty(Client):
    """Asks fifty of many models in turn, so that they come and go."""

    async def _until_answered(self, kind) -> None:
        model = f"echo{self._random.randrange(ASKED)}"
        tensor = {"name": "INPUT", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}
        asked = {"inputs": [tensor]}
        self._judge(await self._web.post(f"/v2/models/{model}/infer", json=asked))


def many(folder: Path, number: int) -> dict:
    """Write so many models; return the settings that serve them."""
    for one in range(number):
        shutil.copytree(ECHO, folder / "models" / f"echo{one}")
    (folder / "ensembles").mkdir()
    short = Policy(offload_after=-1, unload_after=5)
    return {
        "model_repository": folder / "models",
        "ensemble_repository": folder / "ensembles",
        "policy": {f"echo{one}": short for one in range(ASKED)},
    }


async def soak(minutes: float, models: int) -> tuple[list[Sample], int]:
    """Run, and return the samples and the exit status."""
    counts, log, taken = Counts(), deque(maxlen=100), []
    drawn = random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        more = many(Path(folder), models) if models else {}
        os.environ["GREENROOM_VOICES_DIR"] = f"{folder}/voices"
        async with own_service(
            SHAPES["steady"], lambda name, line: log.append(f"{name} | {line}"), **more
        ) as service:
            end, killed = time.monotonic() + 60 * minutes, time.monotonic()
            while time.monotonic() < end:
                until = time.monotonic() + min(CYCLE, 60 * minutes / SAMPLES)
                kinds = [Fifty] * CLIENTS if models else [Client, VoiceKeeper] * (CLIENTS // 2)
                clients = [kind(service.url, drawn.random(), counts) for kind in kinds]
                async with asyncio.TaskGroup() as group:
                    for client in clients:
                        group.create_task(client.run(until))
                if not models and time.monotonic() - killed > KILL_EVERY:
                    killed = time.monotonic()
                    stub = drawn.choice(stubs(service.triton.prefix) or [None])
                    if stub is not None:
                        stub.kill()
                        counts["backend killed"] += 1
                await rested(service, bool(models))
                with suppress(psutil.NoSuchProcess):
                    taken.append(sample(service))
    print(counts.line())
    return taken, judged(taken, counts, log)


def save(taken: list[Sample], file: Path) -> None:
    file.write_text(json.dumps([asdict(one) for one in taken]))


async def rested(service, unloaded: bool) -> None:
    """The same state each time: all that was asked for is loaded again, or nothing is."""
    async with httpx.AsyncClient(base_url=service.url, timeout=120) as web:
        if unloaded:
            while stubs(service.triton.prefix):  # noqa: ASYNC110
                await asyncio.sleep(0.5)
        else:
            for model in ("asr", "tokenizer", "tts"):
                await web.post(f"/residency/{model}/touch")
            await asyncio.sleep(REST)
            await web.post("/residency/tts/unload")
    await asyncio.sleep(REST)


def judged(taken: list[Sample], counts: Counts, log: deque[str]) -> int:
    try:
        growths = [
            growth(name, [getattr(one, name) for one in taken], limit)
            for name, limit in LIMITS.items()
            if name != "stubs_rss"  # a killed process begins anew
        ]
    except ValueError as error:
        print(f"No verdict: {error}.", file=sys.stderr)
        return 1
    print(f"{len(taken)} samples")
    Console(width=120, highlight=False).print(table(growths))
    for why in counts.lost:
        print(f"lost: {why}", file=sys.stderr)
    if counts.lost:
        print(*log, sep="\n", file=sys.stderr)
    return int(bool(counts.lost) or not all(one.kept for one in growths))


def main() -> int:
    """Run with the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=120.0)
    parser.add_argument(
        "--models", type=int, default=0, help="so many models, of which 50 are asked"
    )
    parser.add_argument("--samples", type=Path, help="write all samples there, as JSON")
    arguments = parser.parse_args()
    os.environ.update(ENGINES)

    async def kept() -> int:
        taken, status = await soak(arguments.minutes, arguments.models)
        if arguments.samples:
            save(taken, arguments.samples)
        return status

    return until_ended(kept())


if __name__ == "__main__":
    sys.exit(main())
