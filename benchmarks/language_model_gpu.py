"""The language model at full size on a GPU: steps a second at batch 1, 4 and 8.

Random bf16 weights. The floor of a step is reading all weights once, at the bandwidth that a
copy of the same bytes reaches in the same run. Needs a GPU with 20 GB free; with --tiny it runs
anywhere, to see that it runs.

usage: .venv/bin/python benchmarks/language_model_gpu.py [--prompt 1500] [--new 200] [--tiny]
"""

import argparse
import statistics
import time

import torch
from rich.console import Console
from rich.table import Table

from greenroom_speech.engines.step_audio.audio_ids import AudioIds
from greenroom_speech.engines.step_audio.language_model.cache_size import buffer_elements
from greenroom_speech.engines.step_audio.language_model.candidates import Candidates
from greenroom_speech.engines.step_audio.language_model.config import LanguageModelConfig
from greenroom_speech.engines.step_audio.language_model.generation import Generator, Prompt
from greenroom_speech.engines.step_audio.language_model.sampling import Sampling
from greenroom_speech.engines.step_audio.language_model.step1 import Step1

RELEASED = LanguageModelConfig(
    hidden_size=3072,
    intermediate_size=8192,
    num_attention_heads=48,
    num_attention_groups=4,
    num_hidden_layers=32,
    max_seq_len=32768,
    vocab_size=74752,
    rms_norm_eps=1e-5,
    eos_token_id=3,
)
TINY = {"hidden_size": 96, "intermediate_size": 128, "num_hidden_layers": 2}
BATCHES = (1, 4, 8)
AUDIO = AudioIds(65536)
NO_END = -1
ROUNDS = 5
"""After one that is not counted: it captures the graphs."""


def random_model(config: LanguageModelConfig, device: torch.device) -> Step1:
    with torch.device("meta"):
        model = Step1(config).to(torch.bfloat16)
    model.to_empty(device=device)
    for weight in model.parameters():
        weight.normal_(0, 1 if weight.dim() == 1 else weight.shape[1] ** -0.5)
    return model


def seconds(generator: Generator, batch: int, prompt: int, new: int) -> float:
    """Return how long so many requests take together."""
    started = time.perf_counter()
    generator.generate([Prompt([100 + seed] * prompt, seed, new) for seed in range(batch)])
    return time.perf_counter() - started


def read_rate(size: int, device: torch.device) -> float:
    """Return bytes read a second, from copies of so many bytes (as many are written)."""
    source = torch.empty(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    taken = []
    for _ in range(5):
        finish(device)
        started = time.perf_counter()
        target.copy_(source)
        finish(device)
        taken.append(time.perf_counter() - started)
    return 2 * size / min(taken)


def finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompt", type=int, default=1500)
    parser.add_argument("--new", type=int, default=200)
    parser.add_argument("--tiny", action="store_true")
    arguments = parser.parse_args()
    device = torch.device("cpu" if arguments.tiny else "cuda")
    config = RELEASED.model_copy(update=TINY if arguments.tiny else {})
    model = random_model(config, device)
    buffer = torch.empty(buffer_elements(config, 4), dtype=torch.bfloat16, device=device)
    # The end is none of the columns, so every request is as long as asked.
    candidates = Candidates(NO_END, (AUDIO.linguistic, AUDIO.semantic))
    generator = Generator(model, buffer, candidates, Sampling())
    read = sum(weight.nbytes for weight in model.model.layers.parameters())
    floor = read / read_rate(read, device)
    table = Table("batch", "reading", "a step", "ids a second", "against batch 1", "of the floor")
    single = 0.0
    for batch in BATCHES:
        rounds = [
            [seconds(generator, batch, arguments.prompt, new) for new in (1, arguments.new + 1)]
            for _ in range(ROUNDS + 1)
        ][1:]
        first = statistics.median(short for short, _ in rounds)
        step = statistics.median(long - short for short, long in rounds) / arguments.new
        single = single or 1 / step
        table.add_row(
            str(batch), f"{first:.3f} s", f"{step * 1e3:.2f} ms", f"{batch / step:.0f}",
            f"{batch / step / single:.2f}", f"{floor / step:.0%}",
        )  # fmt: skip
    Console().print(f"{read / 1e9:.2f} GB of layers; floor {floor * 1e3:.2f} ms a step")
    Console().print(table)


if __name__ == "__main__":
    with torch.inference_mode():
        main()
