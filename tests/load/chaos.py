"""Kills and stops processes at random under load, and counts what becomes of the requests.

Requests for speech, whole and in pieces, some of them left by their client, beside loads and
unloads by hand; every few seconds a process is killed or stopped. Who asks while the gateway is
away asks again. The seed is printed, and decides everything but the time that things take.

usage: .venv/bin/python tests/load/chaos.py [--seconds 120] [--seed N]
"""

import argparse
import asyncio
import os
import random
import signal
import sys
import time
from collections import Counter, deque
from contextlib import suppress

import httpx
import psutil
from ending import until_ended
from load_shapes import SHAPES
from own_service import own_service

import greenroom_speech.codec
from greenroom.supervisor import Service
from greenroom.triton.leftovers import stubs
from greenroom_speech.voices import voice

CLIENTS = 4
PATIENCE = 120.0
"""Seconds in which a request must have been answered, however often it had to be asked."""
PAUSE = 4.0
"""Seconds between two faults, on average; the next one waits until somebody was answered."""
TEXTS = ("Good evening, and welcome.", "The train leaves at nine. Please take a seat.")
ENGINES = {"GREENROOM_ENGINES": "embedded"}


class Counts(Counter[str]):
    """asked, answered, refused with Retry-After, cut off, asked again, lost; and faults."""

    def __init__(self) -> None:
        super().__init__()
        self.lost: list[str] = []

    def lose(self, why: str) -> None:
        self["lost"] += 1
        self.lost.append(why)

    def line(self) -> str:
        return (
            f"asked {self['asked']}, answered {self['answered']}, refused with Retry-After "
            f"{self['refused']}, broken off visibly {self['broken off']}, left by their client "
            f"{self['left']}, lost {self['lost']} (asked again because the gateway died: "
            f"{self['again']})"
        )


class Client:
    """Asks one request after another, of all kinds."""

    def __init__(self, url: str, seed: float, counts: Counts) -> None:
        self._random = random.Random(seed)
        self._counts = counts
        self._web = httpx.AsyncClient(base_url=url, timeout=PATIENCE)
        self._recording = voice("clara").path.read_bytes()

    async def run(self, until: float) -> None:
        async with self._web:
            while time.monotonic() < until:
                self._counts["asked"] += 1
                kinds = (self._speech, self._pieces, self._heard, self._leaving, self._hand)
                kind = self._random.choice(kinds)
                try:
                    async with asyncio.timeout(PATIENCE):
                        await self._until_answered(kind)
                except TimeoutError:
                    self._counts.lose(f"{kind.__name__}: no answer in {PATIENCE:g} s")

    async def _until_answered(self, kind) -> None:
        while True:
            try:
                return await kind()
            except (httpx.ConnectError, httpx.ReadError, httpx.WriteError, httpx.CloseError):
                self._counts["again"] += 1
            except httpx.RemoteProtocolError as error:
                # In the middle of an answer it is its visible end.
                if "incomplete chunked read" in str(error):
                    self._counts["broken off"] += 1
                    return None
                self._counts["again"] += 1
            await asyncio.sleep(0.1)

    async def until_served(self) -> None:
        """Until speech comes."""
        while True:
            with suppress(httpx.HTTPError):
                answer = await self._web.post("/v1/audio/speech", json=self._asked())
                if answer.status_code == 200:
                    return
            await asyncio.sleep(0.2)

    def _asked(self) -> dict:
        return {"input": self._random.choice(TEXTS), "voice": "clara", "model": "tts"}

    async def _speech(self) -> None:
        self._judge(await self._web.post("/v1/audio/speech", json=self._asked()))

    async def _pieces(self) -> None:
        asked = {**self._asked(), "stream_format": "sse", "response_format": "pcm"}
        async with self._web.stream("POST", "/v1/audio/speech", json=asked) as answer:
            body = (await answer.aread()).decode()
        if answer.status_code != 200:
            self._judge(answer)
        elif "speech.audio.done" in body:
            self._counts["answered"] += 1
        elif '"type":"error"' in body:
            self._counts["broken off"] += 1
        else:
            self._counts.lose(f"a stream ended without a word: {body[-100:]!r}")

    async def _heard(self) -> None:
        files = {"file": ("clara.flac", self._recording)}
        self._judge(await self._web.post("/v1/audio/transcriptions", files=files))

    async def _leaving(self) -> None:
        """A client that may not wait for its answer."""
        try:
            async with asyncio.timeout(self._random.uniform(0, 0.3)):
                await self._speech()
        except TimeoutError:
            self._counts["left"] += 1

    async def _hand(self) -> None:
        model = self._random.choice(("asr", "tokenizer", "tts"))
        verb = self._random.choice(("load", "offload", "unload", "touch"))
        answer = await self._web.post(f"/residency/{model}/{verb}")
        if answer.status_code == 409:  # its state does not allow it
            self._counts["answered"] += 1
        else:
            self._judge(answer)

    def _judge(self, answer: httpx.Response) -> None:
        if answer.status_code == 200:
            self._counts["answered"] += 1
        elif answer.status_code == 503 and "retry-after" in answer.headers:
            self._counts["refused"] += 1
        else:
            self._counts.lose(f"{answer.status_code} {answer.text[:200]}")


class Faults:
    """Breaks what there is."""

    def __init__(self, service: Service, seed: float, counts: Counts) -> None:
        self._service = service
        self._random = random.Random(seed)
        self._counts = counts

    async def run(self, until: float) -> None:
        answered = 0
        while (left := until - time.monotonic()) > 0:
            await asyncio.sleep(min(left, self._random.expovariate(1 / PAUSE)))
            if self._counts["answered"] == answered:  # it has not come back from the last one
                continue
            answered = self._counts["answered"]
            process = self._random.choice(("backend", "backend", "triton", "gateway", "codec"))
            number = self._random.choice((signal.SIGKILL, signal.SIGSTOP))
            if (pid := self._pid(process)) is not None:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
                    self._counts[f"{process} {'killed' if number == 9 else 'stopped'}"] += 1

    def _pid(self, process: str) -> int | None:
        triton, programs = self._service.triton, self._service.programs
        if process == "triton":
            return triton.pid if triton and triton.running else None
        if process == "gateway":
            return programs[0].pid if programs[0].running else None
        if process == "codec":
            return _codec(programs[0].pid)
        found = stubs(triton.prefix) if triton else []
        return self._random.choice(found).pid if found else None


def _codec(gateway: int | None) -> int | None:
    """The decoder and encoder of audio files."""
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(gateway).children():
            if greenroom_speech.codec.__name__ in child.cmdline():
                return child.pid
    return None


async def chaos(seconds: float, seed: int) -> int:
    """Run, and return the exit status: 1 if a request was lost, or the service is not whole."""
    print(f"seed {seed}", flush=True)
    drawn, counts = random.Random(seed), Counts()
    log: deque[str] = deque(maxlen=400)
    async with own_service(
        SHAPES["steady"], lambda name, line: log.append(f"{name} | {line}"), hang_timeout=5
    ) as service:
        until = time.monotonic() + seconds
        clients = [Client(service.url, drawn.random(), counts) for _ in range(CLIENTS)]
        async with asyncio.TaskGroup() as group:
            for client in clients:
                group.create_task(client.run(until))
            group.create_task(Faults(service, drawn.random(), counts).run(until))
        last = Client(service.url, seed, Counts())
        whole = await _whole(last)
    print(counts.line())
    print(", ".join(f"{name} {counts[name]}" for name in sorted(counts) if " " in name))
    for why in counts.lost:
        print(f"lost: {why}", file=sys.stderr)
    if not whole:
        print("The service is not whole afterwards.", file=sys.stderr)
    if counts["lost"] or not whole:
        print(*log, sep="\n", file=sys.stderr)
    return int(bool(counts["lost"]) or not whole)


async def _whole(client: Client) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            await client.until_served()
            return True
    return False


def main() -> int:
    """Run with the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    arguments = parser.parse_args()
    os.environ.update(ENGINES)
    return until_ended(chaos(arguments.seconds, arguments.seed))


if __name__ == "__main__":
    sys.exit(main())
