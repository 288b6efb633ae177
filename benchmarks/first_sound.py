"""How soon the first sound comes: of the engine alone, and at the socket of a client of /v1.

The first sound is the first sample above -50 dBFS. Every text is a new one of 5 to 25 words; the
models are hot and the voice was analysed before. Engine and service say the same texts in turns.
The engine is called directly, in this process, until its first piece is there. With neural engines
the bars are those of their voices, and the seconds of work for a second of sound are told too.

usage: .venv/bin/python benchmarks/first_sound.py [--texts 30] [--voice clara]
    [--engines neural --voice hibari]
"""

import argparse
import asyncio
import json
import random
import statistics
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import soundfile
from rich.console import Console
from rich.table import Table
from speech_service import speech_service

from greenroom.supervisor import Service
from greenroom_speech.engines.embedded.tokenizer import EmbeddedTokenizer
from greenroom_speech.engines.embedded.tts import EmbeddedTts
from greenroom_speech.engines.kokoro.tags import TAGS
from greenroom_speech.engines.kokoro.tokenizer import KokoroTokenizer
from greenroom_speech.engines.kokoro.tts import KokoroTts
from greenroom_speech.settings import EngineSettings
from greenroom_speech.voices import voice

AUDIBLE = 10 ** (-50 / 20)
LONGEST_RATIO, LONGEST_SECONDS = 1.3, 0.150
ENGINES = {"embedded": (EmbeddedTokenizer, EmbeddedTts), "neural": (KokoroTokenizer, KokoroTts)}
NEURAL_SECONDS, NEURAL_CLONE_SECONDS = 1.0, 1.3
WORDS = """
the old house beside river was sold again last winter nobody knows why people come here every
morning with bread and flowers for their friends while children play under green trees some music
begins early others wait until rain has gone we walked home slowly talking about work travel
weather money and what to cook
"""


def texts(number: int, seed: int) -> list[str]:
    """Return sentences of 5 to 25 words that nobody has said before."""
    drawn = random.Random(seed)
    return [
        f"{' '.join(drawn.choices(WORDS.split(), k=drawn.randint(5, 25))).capitalize()}."
        for _ in range(number)
    ]


class Engine:
    """The engine that the service runs, without anything around it."""

    def __init__(self, engines: str, name: str) -> None:
        settings = EngineSettings()
        tokenizer, tts = ENGINES[engines]
        self._engine = tts(settings)
        if engines == "neural" and TAGS.voice(name):
            self._inputs = {"VOICE": np.array([name], np.object_)}
            return
        spoken = voice(name)
        samples, rate = soundfile.read(spoken.path, dtype="float32")
        audio = {"AUDIO": samples, "SAMPLE_RATE": np.array([rate], np.int32)}
        (features,) = tokenizer(settings).run([audio])
        transcript = np.array([spoken.transcript], np.object_)
        self._inputs = {**audio, **features, "TRANSCRIPT": transcript}

    def first_sound(self, text: str) -> float:
        """Return the seconds until a piece with sound in it is there."""
        begin = time.perf_counter()
        row = self._engine.begin({**self._inputs, "TEXT": np.array([text], np.object_)}, False)
        try:
            while True:
                while not row.ready and not row.done:
                    self._engine.step([row])
                if np.any(np.abs(row.take(False).tensors["WAVEFORM"]) > AUDIBLE):
                    return time.perf_counter() - begin
        finally:
            self._engine.end(row)


async def first_sound(web: httpx.AsyncClient, text: str, name: str) -> tuple[float, float, float]:
    """Return the seconds until an audible sample came, and those of sound in the first piece.

    The third is the real-time factor: seconds until the end for each second of sound.
    """
    asked = {"input": text, "voice": name, "response_format": "pcm"}
    begin, heard, first, seconds, size = time.perf_counter(), b"", 0.0, 0.0, 0
    async with web.stream("POST", "/v1/audio/speech", json=asked) as answer:
        answer.raise_for_status()
        async for part in answer.aiter_raw():
            size += len(part)
            if seconds:
                continue  # to its end, so that nothing is in work when the next one begins
            heard += part
            first = first or len(heard) / 2 / 24000
            samples = np.frombuffer(heard[: len(heard) // 2 * 2], "<i2") / 32768
            if np.any(np.abs(samples) > AUDIBLE):
                seconds = time.perf_counter() - begin
    assert seconds, f"nothing was heard of {text!r}"
    return seconds, first, (time.perf_counter() - begin) / (size / 2 / 24000)


async def measured(
    service: Service, engine: Engine, name: str, number: int, seed: int
) -> dict[str, Any]:
    """Say every text by both, the engine first and the service first in turns."""
    alone, served, pieces, factors = [], [], [], []
    async with httpx.AsyncClient(base_url=service.url, timeout=300) as web:
        for place, text in enumerate(texts(number + 3, seed)):
            if place % 2:
                direct = engine.first_sound(text)
            seconds, first, factor = await first_sound(web, text, name)
            if not place % 2:
                direct = engine.first_sound(text)
            if place >= 3:  # those before are for what is loaded and analysed once
                alone.append(direct)
                served.append(seconds)
                pieces.append(first)
                factors.append(factor)
    return {
        "engine": summary(alone),
        "service": summary(served),
        "ratio": statistics.median(served) / statistics.median(alone),
        "shortest first piece": min(pieces),
        "real-time factor": statistics.median(factors),
    }


def summary(seconds: list[float]) -> dict[str, float]:
    return {"median": statistics.median(seconds), "p95": float(np.percentile(seconds, 95))}


async def main() -> None:
    """Measure, show, and exit with 1 where a bar is not kept."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--texts", type=int, default=30)
    parser.add_argument("--voice", default="clara")
    parser.add_argument("--engines", choices=ENGINES, default="embedded")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    async with speech_service(asked.engines) as service:
        engine = Engine(asked.engines, asked.voice)
        found = await measured(service, engine, asked.voice, asked.texts, asked.seed)
    table = Table("first sound", "median", "p95")
    for name in ("engine", "service"):
        row = found[name]
        table.add_row(name, f"{1000 * row['median']:.0f} ms", f"{1000 * row['p95']:.0f} ms")
    Console().print(table)
    print(f"ratio of the medians {found['ratio']:.2f} (at most {LONGEST_RATIO})")
    print(f"shortest first piece {found['shortest first piece']:.2f} s")
    print(f"real-time factor {found['real-time factor']:.2f}")
    if asked.json:
        asked.json.write_text(json.dumps(found))
    most, ratio = LONGEST_SECONDS, LONGEST_RATIO
    if asked.engines == "neural":
        ratio = float("inf")
        if asked.voice != "hibari":
            most = NEURAL_SECONDS if TAGS.voice(asked.voice) else NEURAL_CLONE_SECONDS
    raise SystemExit(int(found["service"]["median"] > most or found["ratio"] > ratio))


if __name__ == "__main__":
    asyncio.run(main())
