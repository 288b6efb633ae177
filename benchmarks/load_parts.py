"""Loading Step-Audio-EditX against reading the same bytes alone, and against importing torch.

A checkpoint of the released sizes with random weights is written, or found in --folder, which
keeps it; only the embeddings are small. Then the ways take turns, each in a new Python: the whole
load as Triton's process does it, from its first import to hot; ``preadv`` of the same files by some
threads into a fresh anonymous mmap; the import of torch alone. The page cache is warm: every round
reads what the round before has read. The bar: the load, without its priming, at most 1.25 times the
longer of the two others. Needs disk for the files and memory for twice as much. Where there is a
GPU the load is into that.

usage: .venv/bin/python benchmarks/load_parts.py [--layers 32] [--rounds 5]
    [--precisions bf16 int8] [--threads 1 2] [--folder PATH]
"""

import argparse
import json
import mmap
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

BAR = 1.25
PIECE = 16 * 2**20
BLOCK = 2**24
"""Random numbers that every matrix is a repetition of."""
TORCH = "import of torch alone"
Parts = dict[str, float]
began = time.perf_counter()


def since() -> float:
    """Return the seconds since this process began to import."""
    return time.perf_counter() - began


def load(folder: Path, precision: str, prime: bool) -> Parts:
    """Load once and return when what was done; torch is not imported before."""
    from greenroom.managed.host import early_reading
    from greenroom_speech.engines.step_audio.loading import step_audio_editx
    from greenroom_speech.settings import EngineSettings

    parts: Parts = {}
    begin, arriving = early_reading.EarlyReading.__init__, early_reading.EarlyReading.arriving

    def noted_begin(self: early_reading.EarlyReading, *paths: Path) -> None:
        parts["reading begins"] = since()
        assert "torch" not in sys.modules
        begin(self, *paths)

    def noted_arriving(self: early_reading.EarlyReading) -> Iterator[tuple[int, int]]:
        parts["all else is there"] = since()
        yield from arriving(self)
        parts["weights are there"] = since()

    early_reading.EarlyReading.__init__ = noted_begin  # type: ignore[method-assign]
    early_reading.EarlyReading.arriving = noted_arriving  # type: ignore[method-assign]
    engine = step_audio_editx(EngineSettings(models_dir=folder, tts_precision=precision))
    parts["hot"] = since()
    used = os.times()
    parts["computing time"] = used.user + used.system
    if prime:
        engine.prime()  # type: ignore[attr-defined]
        parts["primed"] = since()
    return parts


def read_alone(folder: Path, threads: int) -> Parts:
    """Read all files as the load does, but in sequence and to nowhere."""
    files = [path for path in sorted(folder.rglob("*")) if path.suffix in (".safetensors", ".pt")]
    begin = time.perf_counter()
    size = sum(path.stat().st_size for path in files)
    memory = memoryview(mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
    jobs, offset = [], 0
    for path in files:
        descriptor, length = os.open(path, os.O_RDONLY), path.stat().st_size
        jobs += [
            (descriptor, at, memory[offset + at :][: min(PIECE, length - at)])
            for at in range(0, length, PIECE)
        ]
        offset += length

    def read(job: tuple[int, int, memoryview]) -> None:
        descriptor, at, into = job
        while into:
            got = os.preadv(descriptor, [into], at)
            into, at = into[got:], at + got

    with ThreadPoolExecutor(threads) as readers:
        for _ in readers.map(read, jobs):
            pass
    used = os.times()
    return {"hot": time.perf_counter() - begin, "computing time": used.user + used.system}


def import_torch() -> Parts:
    """Import what no load is without."""
    begin = time.perf_counter()
    import torch  # noqa: F401

    used = os.times()
    return {"hot": time.perf_counter() - begin, "computing time": used.user + used.system}


def write(folder: Path, layers: int) -> None:
    """Write the checkpoint: a file for each layer, one for the rest, and the vocoder."""
    import torch
    from safetensors.torch import save_file

    from greenroom.settings import PROJECT

    sys.path.append(str(PROJECT / "tests"))
    from tiny_checkpoints import voice
    from tiny_checkpoints.released_sizes import CONFIG

    # The made-up tokenizer has few pieces.
    released = {name: size for name, size in CONFIG.items() if name != "vocab_size"}
    released["num_hidden_layers"] = layers
    torch.manual_seed(0)
    block = torch.empty(BLOCK).normal_(0, 0.02).bfloat16()

    def values(shape: torch.Size) -> torch.Tensor:
        count = shape.numel()
        return block.repeat(-(-count // BLOCK))[:count].view(shape).clone()

    def write_language_model(to: Path, config: dict[str, object], *_: object) -> None:
        from greenroom_speech.engines.step_audio.language_model.config import LanguageModelConfig
        from greenroom_speech.engines.step_audio.language_model.step1 import Step1

        with torch.device("meta"):
            model = Step1(LanguageModelConfig.model_validate(config))
        files: dict[str, list[str]] = {}
        for name in model.state_dict():
            number = name.split(".")[2] if ".layers." in name else "rest"
            files.setdefault(f"model-{number}.safetensors", []).append(name)
        shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
        for file, names in files.items():
            save_file({name: values(shapes[name]) for name in names}, to / file)
        index = {name: file for file, names in files.items() for name in names}
        (to / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))

    plain = voice.language_model_config
    voice.language_model_config = lambda pieces: plain(pieces) | released
    voice.SIZES = {
        "flow": {"input_size": 512, "encoder": {}, "decoder": {"estimator": {}}},
        "hift": {"base_channels": 512},
    }
    voice.write_language_model = write_language_model
    voice.voice_checkpoint(folder)


def in_turns(
    ways: dict[str, list[str]], rounds: int, prime: bool
) -> dict[str, dict[str, list[float]]]:
    """Run each way once, uncounted, then all of them round by round."""
    taken: dict[str, dict[str, list[float]]] = {way: {} for way in ways}
    for number in range(rounds + 1):
        for way, words in ways.items():
            command = [sys.executable, __file__, *["--prime"] * prime, "--way", *words]
            shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            for name, seconds in json.loads(shown.splitlines()[-1]).items():
                if number:
                    taken[way].setdefault(name, []).append(seconds)
    return taken


def table(
    folder: Path, precisions: list[str], threads: list[int], rounds: int, prime: bool
) -> object:
    """Return medians, and their ratios to what the bar is measured by."""
    from rich.table import Table

    place = str(folder)
    alone = {f"preadv alone, threads: {count}": ["read", place, str(count)] for count in threads}
    ways = {f"load, {each}": ["load", place, each] for each in precisions} | alone
    taken = in_turns(ways | {TORCH: ["import"]}, rounds, prime)
    middle = {
        way: {name: statistics.median(each) for name, each in parts.items()}
        for way, parts in taken.items()
    }
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e9
    columns = dict.fromkeys(["hot", *(name for each in middle.values() for name in each)])
    ratios = [f"by {count}" for count in threads]
    title = f"{size:.2f} GB, seconds; ratios to preadv by so many threads, bar {BAR} for bf16"
    made = Table("", *columns, *ratios, title=title)
    for way, parts in middle.items():
        cells = [f"{parts[each]:.2f}" if each in parts else "" for each in columns]
        if way.startswith("load"):
            least = [max(middle[each]["hot"], middle[TORCH]["hot"]) for each in alone]
            cells += [f"{parts['hot'] / each:.2f}" for each in least]
        made.add_row(way, *cells)
    return made


def main() -> None:
    """Write, measure and print; or do one way of it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--layers", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="of preadv alone")
    parser.add_argument("--precisions", nargs="+", default=["bf16", "int8"])
    parser.add_argument("--folder", type=Path, help="where the checkpoint is, or is written to")
    parser.add_argument("--prime", action="store_true", help="prime too; it is no part of the bar")
    parser.add_argument("--way", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.way:
        kind, *words = arguments.way
        ways: dict[str, Callable[[], Parts]] = {
            "load": lambda: load(Path(words[0]), words[1], arguments.prime),
            "read": lambda: read_alone(Path(words[0]), int(words[1])),
            "import": import_torch,
        }
        print(json.dumps(ways[kind]()))
        return
    from rich.console import Console

    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        if not (folder / "Step-Audio-EditX").exists():
            write(folder, arguments.layers)
        rounds, prime = arguments.rounds, arguments.prime
        made = table(folder, arguments.precisions, arguments.threads, rounds, prime)
        Console(width=150).print(made)


if __name__ == "__main__":
    main()
