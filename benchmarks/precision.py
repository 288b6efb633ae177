"""The language model's layers in bf16, int8 and int4 beside one another, in one run.

Random weights of the released sizes, several layers of them; bf16, int8 and int4 take turns, each
number is the median of its rounds. Products are those of all matrices of one layer: of 1 and of 8
rows, and of a prompt of 300 tokens, which goes through in blocks of 256. Decoding is that of the
layers and the output matrix. On a CPU it needs 3 GB of memory; benchmarks/gpu.py calls it too.

usage: .venv/bin/python benchmarks/precision.py [--layers 2] [--rounds 5] [--new 20]
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from greenroom.managed.arena import Arena, best_device
from greenroom_speech.engines.step_audio.audio_ids import AudioIds
from greenroom_speech.engines.step_audio.language_model.cache_size import buffer_elements
from greenroom_speech.engines.step_audio.language_model.candidates import Candidates
from greenroom_speech.engines.step_audio.language_model.config import LanguageModelConfig
from greenroom_speech.engines.step_audio.language_model.generation import Generator, Prompt
from greenroom_speech.engines.step_audio.language_model.many_rows import NEVER, ManyRows
from greenroom_speech.engines.step_audio.language_model.precision import (
    projection_of,
    use_many_rows,
)
from greenroom_speech.engines.step_audio.language_model.quantisation import Quantisation
from greenroom_speech.engines.step_audio.language_model.sampling import Sampling
from greenroom_speech.engines.step_audio.language_model.step1 import Step1

PRECISIONS = ("bf16", "int8", "int4")
BLOCKS = {"1 row": (1,), "8 rows": (8,), "a prompt of 300 tokens": (256, 44)}
BARS = {"1 row": 1.5, "8 rows": 0.8, "a prompt of 300 tokens": 1 / 2.5}
AWQ = Quantisation(num_bits=4, type="int", strategy="group", symmetric=True, group_size=128)
AUDIO = AudioIds(1000)
MATRICES = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
            "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")  # fmt: skip
Row = tuple[str, ...]


def config(layers: int) -> LanguageModelConfig:
    return LanguageModelConfig(
        hidden_size=3072,
        intermediate_size=8192,
        num_attention_heads=48,
        num_attention_groups=4,
        num_hidden_layers=layers,
        max_seq_len=1024,
        vocab_size=8192,
        rms_norm_eps=1e-5,
        eos_token_id=3,
    )


@dataclass
class Held:
    """The same layers in one precision."""

    model: Step1
    arena: Arena
    generator: Generator
    many: ManyRows
    load_seconds: float


def held(precision: str, layers: int, device: torch.device) -> Held:
    """Make it hot."""
    sizes, many = config(layers), ManyRows()
    quantisation = AWQ if precision == "int4" else None
    with torch.device("meta"):
        model = Step1(sizes, projection_of(precision, quantisation, device, many)).bfloat16()
        plain = Step1(sizes).bfloat16()
    state = drawn(plain, quantisation)
    arena = Arena(model, device)
    begin = time.perf_counter()
    arena.read(model, state)
    loaded = time.perf_counter() - begin
    arena.restore()
    if precision != "bf16":
        with tempfile.TemporaryDirectory() as folder:
            use_many_rows(model, many, arena, Path(folder))
    buffer = arena.scratch((buffer_elements(sizes, 8),), torch.bfloat16)
    # The end is none of the columns, so every request is as long as asked.
    candidates = Candidates(-1, (AUDIO.linguistic, AUDIO.semantic))
    return Held(model, arena, Generator(model, buffer, candidates, Sampling()), many, loaded)


def drawn(model: Step1, quantisation: Quantisation | None) -> dict[str, torch.Tensor]:
    """Return weights as a checkpoint has them."""
    state = {}
    for name, empty in model.state_dict().items():
        shape = empty.shape
        if quantisation is not None and name.endswith("_proj.weight"):
            below, groups = name.removesuffix("weight"), shape[1] // quantisation.group_size
            words = torch.randint(-(2**31), 2**31, (shape[0], shape[1] // 8), dtype=torch.int32)
            scale = torch.full((shape[0], groups), shape[1] ** -0.5 / 5).bfloat16()
            state |= {f"{below}weight_packed": words, f"{below}weight_scale": scale}
            state[f"{below}weight_shape"] = torch.tensor(shape)
        else:
            spread = 1.0 if len(shape) == 1 else shape[1] ** -0.5
            state[name] = torch.empty(shape, dtype=torch.bfloat16).normal_(0, spread)
    return state


def seconds(work: Callable[[], object], device: torch.device) -> float:
    begin = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - begin


def in_turns(
    works: dict[str, Callable[[], object]], rounds: int, device: torch.device
) -> dict[str, float]:
    """Return the median seconds of each, after one round that is not counted."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds + 1):
        for name, work in works.items():
            taken[name].append(seconds(work, device))
    return {name: statistics.median(each[1:]) for name, each in taken.items()}


def products(one: Held, blocks: Iterable[int], device: torch.device) -> Callable[[], object]:
    """Return what multiplies with every matrix of the first layer."""
    layer = one.model.model.layers[0]
    matrices = [layer.get_submodule(name) for name in MATRICES]
    inputs = {
        size: [torch.randn(rows, size, device=device).bfloat16() for rows in blocks]
        for size in (3072, 8192)
    }

    def work() -> None:
        for name, matrix in zip(MATRICES, matrices, strict=True):
            for x in inputs[8192 if name == "mlp.down_proj" else 3072]:
                matrix(x)

    return work


def decoding(one: Held, batch: int, new: int) -> Callable[[], object]:
    prompts = [Prompt([100 + seed, 7], seed, new) for seed in range(batch)]
    return lambda: one.generator.generate(prompts)


def moved(one: Held) -> Callable[[], object]:
    def work() -> None:
        one.arena.offload()
        one.arena.restore()

    return work


def compared(name: str, taken: dict[str, float], scale: float = 1e3, unit: str = "ms") -> Row:
    """Return a row with each precision's time and how many times as fast as bf16 it is."""
    cells = [f"{taken[each] * scale:.2f} {unit}" for each in PRECISIONS]
    faster = [f"{taken['bf16'] / taken[each]:.2f}" for each in PRECISIONS[1:]]
    return (name, *cells, *faster)


def measure(layers: int, rounds: int, new: int, device: torch.device) -> list[Row]:
    """Return the rows of the table."""
    with torch.inference_mode():
        models = {each: held(each, layers, device) for each in PRECISIONS}
        rows = []
        for name, blocks in BLOCKS.items():
            works = {each: products(one, blocks, device) for each, one in models.items()}
            row = compared(f"products, {name}", in_turns(works, rounds, device))
            rows.append((*row, f"{BARS[name]:.1f}"))
        for batch in (1, 8):
            works = {each: decoding(one, batch, new) for each, one in models.items()}
            taken = in_turns(works, rounds, device)
            ids = {each: f"{batch * new / taken[each]:.1f}" for each in PRECISIONS}
            faster = [f"{taken['bf16'] / taken[each]:.2f}" for each in PRECISIONS[1:]]
            rows.append((f"ids a second, {batch} at a time", *ids.values(), *faster, ""))
        works = {each: moved(one) for each, one in models.items()}
        rows.append((*compared("offload and restore", in_turns(works, rounds, device)), ""))
    sizes = {each: one.arena.memory().host_bytes / 1e9 for each, one in models.items()}
    rows.append(("host copy, GB", *(f"{size:.3f}" for size in sizes.values()), "", "", ""))
    load = {each: f"{one.load_seconds:.2f} s" for each, one in models.items()}
    rows.append(("reading from memory, packing", *load.values(), "", "", ""))
    least = (one.many.least for one in models.values())
    dequantised = ("never" if rows_ == NEVER else f"{rows_} rows" for rows_ in least)
    rows.append(("a matrix is dequantised from", *dequantised, "", "", ""))
    for one in models.values():
        one.arena.close()
    return rows


def table(layers: int, rounds: int, new: int, device: torch.device) -> Table:
    where = f"{torch.get_num_threads()} threads" if device.type == "cpu" else "a GPU"
    made = Table(
        "what", *PRECISIONS, "int8 faster", "int4 faster", "bar",
        title=f"{layers} layers of the language model on {where}",
    )  # fmt: skip
    for row in measure(layers, rounds, new, device):
        made.add_row(*row)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--new", type=int, default=20)
    arguments = parser.parse_args()
    made = table(arguments.layers, arguments.rounds, arguments.new, best_device())
    Console(width=130).print(made)


if __name__ == "__main__":
    main()
