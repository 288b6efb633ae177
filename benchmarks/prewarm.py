"""What preparing at the upload saves: the wait for a clone from a cold tts, with and without it.

A recording is uploaded and its words are found, as the page does it; a number of seconds after the
upload the button is pressed. With preparation the upload also asks for tts and for the recording's
analysis. Rounds alternate between the two; each has a recording that no cache knows, and tts is
cold when it begins. Prints the waits from the button to the sound, their medians and ratio.

usage: .venv/bin/python benchmarks/prewarm.py [--rounds 5] [--pressed-after 3]
"""

import argparse
import asyncio
import io
import statistics
import tempfile
import time
from pathlib import Path

import soundfile
from rich.console import Console
from rich.table import Table

from greenroom.supervisor import Service
from greenroom.supervisor.ports import free_settings
from greenroom_speech.ui.gateway_client import Server
from greenroom_speech.ui.speech_requests import cloned, heard, prepared
from greenroom_speech.voices import voice

TEXT = "Good evening, and welcome to the show."


def recording(number: int) -> bytes:
    """Return the same speech at another loudness: nothing has analysed it yet."""
    samples, rate = soundfile.read(voice("henry").path, dtype="float32")
    file = io.BytesIO()
    soundfile.write(file, samples * (1 - number / 100), rate, format="WAV")
    return file.getvalue()


async def wait(server: Server, number: int, *, prepare: bool, pressed_after: float) -> float:
    """Return the seconds from the button to the sound."""
    await server.ask("POST", "/residency/tts/unload")
    uploaded = recording(number)
    ahead = [asyncio.create_task(prepared(server, uploaded))] if prepare else []
    words, _ = await asyncio.gather(heard(server, uploaded), asyncio.sleep(pressed_after))
    begin = time.perf_counter()
    await cloned(server, TEXT, {"transcript": words}, uploaded)
    took = time.perf_counter() - begin
    await asyncio.gather(*ahead)
    return took


async def measure(rounds: int, pressed_after: float) -> dict[bool, list[float]]:
    """Return the waits with (True) and without preparation."""
    waits: dict[bool, list[float]] = {True: [], False: []}
    with tempfile.TemporaryDirectory() as folder:
        settings = free_settings(runtime_dir=Path(folder))
        service = Service(settings, log=lambda name, line: None, plugins=())
        await service.start()
        server = Server(service.url, None)
        try:
            await cloned(server, TEXT, {"voice": "clara"}, None)
            for number in range(rounds):
                for prepare in (False, True):
                    took = await wait(
                        server, 2 * number + prepare, prepare=prepare, pressed_after=pressed_after
                    )
                    waits[prepare].append(took)
        finally:
            await server.close()
            await service.stop()
    return waits


def main() -> None:
    usage = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    usage.add_argument("--rounds", type=int, default=5)
    usage.add_argument("--pressed-after", type=float, default=3.0, metavar="SECONDS")
    given = usage.parse_args()
    waits = asyncio.run(measure(given.rounds, given.pressed_after))
    table = Table("prepared at the upload", "waits", "median", title="Clone from a cold tts")
    for prepare, took in waits.items():
        median = f"{statistics.median(took):.2f} s"
        table.add_row("yes" if prepare else "no", " ".join(f"{t:.2f}" for t in took), median)
    Console(width=110).print(table)
    without, with_it = (statistics.median(waits[prepare]) for prepare in (False, True))
    print(f"{without - with_it:.2f} s shorter, {with_it / without:.2f} of the wait")


if __name__ == "__main__":
    main()
