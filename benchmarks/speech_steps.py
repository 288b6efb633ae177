"""Step-Audio-EditX in steps against whole batches: what a short text waits, what steps cost.

A language model of 12 layers, 1024 wide, and a vocoder of a quarter of the released width (or the
released one, --released), random weights, float32 on a CPU (bfloat16 on a GPU). The whole-batch way
is here alone: all prompts that are there are read, said to the last end, and then made sound of,
one after another; who comes later waits. Speech is cut at a given length, so that both ways do the
same. On a CPU everything runs in one thread and its computing time is counted, so that what else
the machine does changes little.

Prints also the time to the first sound as a ratio to the sum of its parts, the longest piece of
work of each kind, and with --triton what a real Triton adds to the steps of 8 requests with a
reference of 30 s at 48 kHz each, by the clock.

usage: .venv/bin/python benchmarks/speech_steps.py [--long 20] [--eight 6] [--parts late eight]
    [--released] [--triton]
"""

import argparse
import asyncio
import json
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import torch
import tritonclient.grpc.aio as triton_grpc
from metered_engine import Timed, clock, request
from rich.console import Console
from rich.table import Table

from greenroom.settings import PROJECT
from greenroom.supervisor import TritonServer
from greenroom.supervisor.ports import free_settings
from greenroom.triton.client import Triton
from greenroom_speech.engines.step_audio.faults import CODES_PER_SECOND
from greenroom_speech.engines.step_audio.speech_row import SpeechRow
from greenroom_speech.settings import EngineSettings

sys.path.append(str(PROJECT / "tests"))
from tiny_checkpoints import voice

WIDE = {
    "hidden_size": 1024,
    "intermediate_size": 2816,
    "num_attention_heads": 16,
    "num_attention_groups": 4,
    "num_hidden_layers": 12,
    "max_seq_len": 8192,
}
QUARTER = {
    "flow": {
        "input_size": 128,
        "encoder": {"input_size": 128, "output_size": 128, "linear_units": 512},
        "decoder": {"estimator": {"hidden_size": 128, "num_heads": 2}},
    },
    "hift": {"base_channels": 128, "f0_predictor": {"cond_channels": 128}},
}
RELEASED = {
    "flow": {"input_size": 512, "encoder": {}, "decoder": {"estimator": {}}},
    "hift": {"base_channels": 512},
}
SHORT_AFTER = 0.2
PARTS = ("first", "late", "eight", "pieces")


def seconds_of(work: Callable[[], object]) -> float:
    began = clock()
    work()
    return clock() - began


def late_short_text(engine: Timed, long: int, short: int) -> list[tuple[str, str]]:
    """A short text that comes a little after a long one."""
    alone = min(seconds_of(lambda: engine.run_to_end([engine.begun(short)])) for _ in range(2))
    first, began = engine.begun(long), clock()
    while clock() - began < SHORT_AFTER:
        engine.step([first])
    second, came = engine.begun(short), clock()
    while not second.done:
        engine.step([first, second])
    beside = clock() - came
    engine.end(first)
    engine.end(second)
    batch = seconds_of(lambda: engine.whole_batch([engine.begun(long)]))
    after = batch - SHORT_AFTER + seconds_of(lambda: engine.whole_batch([engine.begun(short)]))
    return [
        ("a short text alone, in steps", f"{alone:.2f} s"),
        (f"{SHORT_AFTER} s after a long one, in steps", f"{beside:.2f} s"),
        ("ratio (bar 1.5)", f"{beside / alone:.2f}"),
        ("the same by whole batches", f"{after:.2f} s, {after / alone:.1f} times"),
    ]


def eight_together(engine: Timed, ids: int) -> list[tuple[str, str]]:
    def rows() -> list[SpeechRow]:
        return [engine.begun(ids, number) for number in range(8)]

    batch = seconds_of(lambda: engine.whole_batch(rows()))
    engine.steps.clear()
    stepped = seconds_of(lambda: engine.run_to_end(rows()))
    p99 = statistics.quantiles(engine.steps, n=100)[98]
    return [
        ("8 requests by a whole batch", f"{batch:.2f} s"),
        ("8 requests in steps", f"{stepped:.2f} s"),
        ("throughput in steps (bar 0.95)", f"{batch / stepped:.2f}"),
        ("p99 of a step, longest", f"{p99 * 1e3:.0f} ms, {max(engine.steps) * 1e3:.0f} ms"),
    ]


def first_sound(engine: Timed) -> list[tuple[str, str]]:
    """The time to a stream's first piece, and the sum of what it takes, each alone."""
    ids = 200
    engine.run_to_end([engine.begun(ids, whole=False)])

    def until_first() -> float:
        row, began = engine.begun(ids, whole=False), clock()
        while not row.ready:
            engine.step([row])
        taken = clock() - began
        engine.end(row)
        return taken

    def parts() -> float:
        row, generator = engine.begun(ids, whole=False), engine._language.generator
        (passage,) = row._passages
        began = clock()
        decoding = passage.wanted()
        assert decoding is not None
        generator.join(decoding)
        while generator.read(decoding):
            pass
        place = engine._places.take(b"")
        assert place is not None
        stream = engine._vocoder.stream(
            engine._places.flow(place, b"", row._voice.prompt), row._voice.seed
        )
        made = None
        pushed = 0
        while made is None:
            if not stream.ready:
                generator.step()
                known = engine._language.audio.codes(decoding.speech[:-1])
                stream.push(known[pushed:])
                pushed = len(known)
            else:
                made = stream.advance()
        taken = clock() - began
        generator.leave(decoding)
        engine._places.give_back(place)
        engine.end(row)
        return taken

    pairs = [(until_first(), parts()) for _ in range(2)]
    first, summed = (statistics.median(column) for column in zip(*pairs, strict=True))
    return [
        ("first piece of a stream", f"{first:.2f} s"),
        ("its parts one after another", f"{summed:.2f} s"),
        ("ratio (bar 1.15)", f"{first / summed:.2f}"),
    ]


def pieces_of_work(engine: Timed, ids: int) -> list[tuple[str, str]]:
    """The longest of each kind; of the vocoder by what is done, whole and of a stream."""
    seen: dict[str, float] = {name: max(each) for name, each in engine.kinds.items()}
    row = engine.begun(ids)
    codes = [0, 1, 1024, 1025, 1026] * (ids // 5)
    work = engine._vocoder.utterance(codes, row._voice.prompt, 0)
    with torch.inference_mode():
        taken = []
        try:
            while True:
                began = clock()
                next(work)
                taken.append(clock() - began)
        except StopIteration:
            taken.append(clock() - began)
    engine.end(row)
    seen |= {
        f"a pass of the encoder, {ids} ids": taken[0],
        f"an Euler step, {ids} ids": max(taken[1:-1]),
        f"HiFT, {ids} ids": taken[-1],
    }
    return [(f"longest: {name}", f"{seconds * 1e3:.0f} ms") for name, seconds in seen.items()]


async def on_triton(models: Path) -> list[tuple[str, str]]:
    """How much longer 8 requests take on a real Triton than their steps."""
    os.environ |= {
        "GREENROOM_TTS_ENGINE": "step-audio-editx",
        "GREENROOM_MODELS_DIR": str(models),
        "GREENROOM_TTS_PRECISION": "float32",
        "GREENROOM_TTS_REDRAWS": "-1",
    }
    settings = free_settings(runtime_dir=Path(tempfile.mkdtemp()))
    async with TritonServer(settings) as server:
        connection = Triton(server.grpc_address, server.key)
        await connection.load("tts")
        async with triton_grpc.InferenceServerClient(server.grpc_address) as client:
            began = time.perf_counter()
            await asyncio.gather(*(asked(client, number) for number in range(8)))
            wall = time.perf_counter() - began
        async with httpx.AsyncClient() as web:
            text = (await web.get(server.metrics_url)).text
        await connection.close()
    stepped = sum(map(float, re.findall(r"^greenroom_step_seconds_sum\{.*\} (\S+)$", text, re.M)))
    count = sum(map(float, re.findall(r"^greenroom_step_seconds_count\{.*\} (\S+)$", text, re.M)))
    return [
        ("8 requests on Triton", f"{wall:.2f} s"),
        (f"their {count:.0f} steps", f"{stepped:.2f} s"),
        ("cost of steps (bar 5 %)", f"{100 * (wall / stepped - 1):.1f} %"),
    ]


async def asked(client: Any, number: int) -> None:
    """Start and pull, as the gateway does; the reference is of no use to this engine."""
    tensors = request(0, number) | {
        "SEED": np.array([number]),
        "AUDIO": np.random.default_rng(number).uniform(-1, 1, 30 * 48_000).astype(np.float32),
        "SAMPLE_RATE": np.array([48_000], np.int32),
    }

    def order(action: str) -> Any:
        words = json.dumps({"action": action, "id": str(number), "whole": True})
        return given("STREAM", np.array([words], object))

    await client.infer("tts", [*(given(*each) for each in tensors.items()), order("start")])
    await client.infer("tts", [order("next")])


def given(name: str, array: Any) -> Any:
    kinds = {"O": "BYTES", "f": "FP32", "i": f"INT{array.dtype.itemsize * 8}"}
    tensor = triton_grpc.InferInput(name, [1, *array.shape], kinds[array.dtype.kind])
    batch = array[np.newaxis]
    if array.dtype == object:
        batch = np.array([[word.encode() for word in array]], object)
    tensor.set_data_from_numpy(batch)
    return tensor


def checkpoint(folder: Path, released: bool, ends: float) -> Path:
    plain = voice.language_model_config
    voice.language_model_config = lambda pieces: plain(pieces) | WIDE
    voice.SIZES = RELEASED if released else QUARTER
    return voice.voice_checkpoint(folder, ends=ends)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--long", type=float, default=20, help="seconds of the long text")
    parser.add_argument("--eight", type=float, default=6, help="seconds of each of eight texts")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--released", action="store_true", help="vocoder of the released sizes")
    parser.add_argument("--triton", action="store_true")
    arguments = parser.parse_args()
    table = Table("what", "measured")
    rows: list[tuple[str, str]]
    with tempfile.TemporaryDirectory() as folder:
        ends = 9.0 if arguments.triton else 5.0
        models = checkpoint(Path(folder), arguments.released, ends)
        if arguments.triton:
            rows = asyncio.run(on_triton(models))
        else:
            torch.set_num_threads(1)
            dtype = "bfloat16" if torch.cuda.is_available() else "float32"
            engine = Timed(EngineSettings(models_dir=models, tts_precision=dtype, tts_redraws=-1))
            engine.prime()
            with torch.inference_mode():
                engine.meter()
            long, eight, short = (
                round(seconds * CODES_PER_SECOND / 5) * 5
                for seconds in (arguments.long, arguments.eight, 1.0)
            )
            rows = []
            parts = {
                "first": lambda: first_sound(engine),
                "late": lambda: late_short_text(engine, long, short),
                "eight": lambda: eight_together(engine, eight),
                "pieces": lambda: pieces_of_work(engine, eight),
            }
            for name in arguments.parts:
                rows += parts[name]()
                print(*rows, sep="\n", end="\n\n", flush=True)
            engine.close()
    for row in rows:
        table.add_row(*row)
    load = os.getloadavg()[0]
    Console().print(table, f"load of the machine at the end: {load:.1f}")


if __name__ == "__main__":
    main()
