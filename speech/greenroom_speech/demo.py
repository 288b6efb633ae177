"""Shows the whole product once: ``python -m greenroom_speech.demo --out demo.wav``.

Starts everything on free ports, clones a bundled voice, reads the result back, prints how the
models came and went, and stops.
"""

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from greenroom.plugin import GreenroomError, Policy, Service, free_settings
from greenroom_client import AsyncClient, GreenroomClientError, Speech
from greenroom_client.residency import Event
from greenroom_speech.voices import voice
from greenroom_speech.word_errors import word_errors

VOICE = "clara"
SENTENCE = "Good evening, and welcome. The people in this house are waiting for the morning train."
SHOWN = "tts"
IDLE = 1.0
"""Seconds after which the demo's tts is unloaded, so that the end of the story can be seen."""

_LOG_TAIL = 20
_PATIENCE = 60.0

console = Console(highlight=False)


def main() -> int:
    """Run the demo; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m greenroom_speech.demo", description="Show Greenroom."
    )
    parser.add_argument("--out", type=Path, default=Path("demo.wav"), help="the wav to write")
    out = parser.parse_args().out
    log: deque[str] = deque(maxlen=_LOG_TAIL)
    try:
        asyncio.run(_until_interrupted(out, log))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130
    except (GreenroomError, GreenroomClientError) as error:
        console.print(f"The demo failed: {error}", style="red", markup=False)
        console.print("\n".join(log), markup=False)
        return 1
    return 0


async def _until_interrupted(out: Path, log: deque[str]) -> None:
    """Run to the end; SIGTERM ends it like Ctrl-C, with everything stopped."""
    task = asyncio.current_task()
    assert task
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await _run(out, log)


async def _run(out: Path, log: deque[str]) -> None:
    started = time.time()
    async with AsyncExitStack() as stack:
        settings = free_settings(
            host="127.0.0.1",
            api_keys=None,
            api_keys_file=None,
            runtime_dir=Path(stack.enter_context(tempfile.TemporaryDirectory())),
            shared_dir=None,
            policy={SHOWN: Policy(offload_after=-1, unload_after=IDLE)},
        )
        console.print("Starting Triton and the gateway")
        service = Service(
            settings, log=lambda name, line: log.append(f"{name} | {line}"), plugins=()
        )
        await stack.enter_async_context(service)
        client = await stack.enter_async_context(AsyncClient(service.url))
        events = await stack.enter_async_context(client.events())
        console.print(
            f"Ready after {time.time() - started:.1f} s at {service.url}; {SHOWN} is cold"
        )
        speech = await _clone(client)
        speech.save(out)
        heard = await client.transcribe((speech.samples, speech.sample_rate))
        ended = await asyncio.wait_for(_until_unloaded(events), _PATIENCE)
    _print_timeline(started, ended)
    _print_result(out, speech, heard.text)


async def _clone(client: AsyncClient) -> Speech:
    reference = voice(VOICE)
    console.print(f"Cloning the voice {reference.name} ({reference.description})")
    asked = time.perf_counter()
    speech = await client.clone(reference.path, SENTENCE, transcript=reference.transcript)
    console.print(
        f"Answered after {time.perf_counter() - asked:.1f} s: {speech.seconds:.1f} s of speech"
    )
    return speech


async def _until_unloaded(events: AsyncIterator[Event]) -> list[Event]:
    ended = []
    async for event in events:
        ended.append(event)
        if event["model"] == SHOWN and event["to"] == "cold":
            break
    return ended


def _print_timeline(started: float, ended: list[Event]) -> None:
    table = Table("at", "model", "action", "seconds", "from", "to", "why", box=None)
    for event in ended:
        at = datetime.fromisoformat(event["at"]).timestamp() - started
        took = f"{event['seconds']:.2f}"
        row = (event["action"], took, event["from"], event["to"], event["reason"])
        table.add_row(f"{at:.1f} s", event["model"], *row)
    console.print("\nResidency timeline")
    console.print(table)


def _print_result(out: Path, speech: Speech, heard: str) -> None:
    wrong, words = word_errors(SENTENCE, heard)
    console.print(f"\nsaid:  {SENTENCE}", markup=False)
    console.print(f"heard: {heard}", markup=False)
    console.print(
        f"word error rate {wrong / words:.2f}; {speech.seconds:.1f} s in {out}", markup=False
    )


if __name__ == "__main__":
    sys.exit(main())
