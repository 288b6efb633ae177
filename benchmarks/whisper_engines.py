"""The engines whisper and faster-whisper on the same weights: time, memory, words.

The weights are random, made here so that the network says words: those of the tests' tiny
checkpoint, and of a network with the sizes of large-v3-turbo (809 million). Both engines
compute in single precision on the processor and hear the bundled voices in turns; real-time
factor: seconds of work for a second of sound, median of the rounds. --released is the folder that
benchmarks/whisper_base.py has made: Whisper base as it was released.

    .venv/bin/python benchmarks/whisper_engines.py [--rounds 3] [--only tiny] [--released FOLDER]
"""

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import psutil
import soundfile

from greenroom.managed.engine import Engine
from greenroom.settings import PROJECT
from greenroom_speech.engines.audio_input import Samples
from greenroom_speech.engines.faster_whisper.engine import FasterWhisperAsr
from greenroom_speech.engines.resampling import resampled
from greenroom_speech.engines.whisper.engine import WhisperAsr
from greenroom_speech.settings import EngineSettings
from greenroom_speech.voices import voices

sys.path.append(str(PROJECT / "tests"))
SIZES = ("tiny", "large-v3-turbo")
RATE = 16_000


def write(models: Path, size: str) -> None:
    """Write one network for both engines."""
    from dataclasses import replace

    from tiny_checkpoints import tiny_faster_whisper, tiny_whisper

    dims = tiny_whisper.sizes()
    if size != "tiny":
        dims = replace(
            dims, n_audio_state=1280, n_audio_head=20, n_audio_layer=32,
            n_text_state=1280, n_text_head=20, n_text_layer=4,
        )  # fmt: skip
    network = tiny_whisper.network(dims).half().float()
    tiny_whisper.write(models / "whisper" / f"{size}.pt", network)
    tiny_faster_whisper.write(models / "faster-whisper" / size, network)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--only", choices=SIZES)
    arguments.add_argument("--released", type=Path)
    given = arguments.parse_args()
    sounds = [speech(one.path) for one in voices()]
    print("| weights | engine | real-time factor | memory, MB | the same words |")
    print("|---|---|---|---|---|")
    if given.released:
        apart(compare, given.released, "base", sounds, given.rounds)
    for size in [given.only] if given.only else SIZES:
        with tempfile.TemporaryDirectory() as folder:
            apart(write, Path(folder), size)
            apart(compare, Path(folder), size, sounds, given.rounds)


def apart(work: Callable[..., None], *given: object) -> None:
    """Do it in a process of its own, whose memory goes back."""
    process = multiprocessing.get_context("spawn").Process(target=work, args=given)
    process.start()
    process.join()
    if process.exitcode:
        sys.exit(process.exitcode)


def compare(models: Path, size: str, sounds: list[Samples], rounds: int) -> None:
    engines: dict[str, Engine] = {}
    grown: dict[str, float] = {}
    for kind in (WhisperAsr, FasterWhisperAsr):
        before = psutil.Process().memory_info().rss
        engines[kind.name] = ready(kind, models, size)
        grown[kind.name] = (psutil.Process().memory_info().rss - before) / 1e6
    took: dict[str, list[float]] = {name: [] for name in engines}
    heard: dict[str, list[str]] = {}
    for number in range(rounds):
        for name, engine in engines.items():
            began = time.perf_counter()
            # Another sound each time, so that no answer is a remembered one.
            heard[name] = [words(engine, sound * (1 - number / 100)) for sound in sounds]
            took[name].append(time.perf_counter() - began)
    seconds = sum(len(sound) for sound in sounds) / RATE
    same = sum(one == other for one, other in zip(*heard.values(), strict=True))
    for name in engines:
        factor = median(took[name]) / seconds
        print(f"| {size} | {name} | {factor:.3f} | {grown[name]:.0f} | {same} of {len(sounds)} |")
    ratio = median(took["whisper"]) / median(took["faster-whisper"])
    print(f"\nwhisper takes {ratio:.2f} times as long as faster-whisper.\n", flush=True)


def ready(kind: type[WhisperAsr | FasterWhisperAsr], models: Path, size: str) -> Engine:
    settings = EngineSettings(models_dir=models, whisper_model=size, asr_device="cpu")
    engine = kind(settings)
    engine.prime()
    return engine


def speech(path: Path) -> Samples:
    samples, rate = soundfile.read(path, dtype="float32")
    return resampled(samples, rate, RATE)


def words(engine: Engine, sound: Samples) -> str:
    request = {"AUDIO": sound, "SAMPLE_RATE": np.array([RATE], np.int32)}
    return str(engine.answer(request)["TRANSCRIPT"][0])


if __name__ == "__main__":
    main()
