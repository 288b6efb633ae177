"""The language model on a CPU against transformers' Llama of the same size, in one run.

Prints the ratios of prompt and decoding time, of decoding four requests together against one
after another, and the peak memory over the prompt's length. Rounds alternate between the sides;
each number is the median of its rounds. Random weights, float32, greedy.

usage: .venv/bin/python benchmarks/language_model.py [--rounds 5] [--prompt 2000] [--new 200]
"""

import argparse
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from transformers import LlamaConfig, LlamaForCausalLM

from greenroom_speech.engines.step_audio.language_model.cache_size import buffer_elements
from greenroom_speech.engines.step_audio.language_model.candidates import Candidates
from greenroom_speech.engines.step_audio.language_model.config import LanguageModelConfig
from greenroom_speech.engines.step_audio.language_model.generation import Generator, Prompt
from greenroom_speech.engines.step_audio.language_model.sampling import Sampling
from greenroom_speech.engines.step_audio.language_model.step1 import Step1

CONFIG = LanguageModelConfig(
    hidden_size=1024,
    intermediate_size=2816,
    num_attention_heads=16,
    num_attention_groups=4,
    num_hidden_layers=12,
    max_seq_len=8192,
    vocab_size=8192,
    rms_norm_eps=1e-5,
    eos_token_id=3,
)
TOGETHER = 4
LENGTHS = (1000, 2000, 4000, 8000)
NO_END = -1


def step1() -> Step1:
    with torch.device("meta"):
        model = Step1(CONFIG)
    model.to_empty(device="cpu")
    draw = torch.Generator().manual_seed(1)
    for weight in model.parameters():
        spread = 1.0 if weight.dim() == 1 else weight.shape[1] ** -0.5
        weight.copy_(torch.randn(weight.shape, generator=draw) * spread)
    return model


def llama() -> LlamaForCausalLM:
    config = LlamaConfig(
        hidden_size=CONFIG.hidden_size,
        intermediate_size=CONFIG.intermediate_size,
        num_attention_heads=CONFIG.num_attention_heads,
        num_key_value_heads=CONFIG.num_attention_groups,
        num_hidden_layers=CONFIG.num_hidden_layers,
        vocab_size=CONFIG.vocab_size,
        max_position_embeddings=CONFIG.max_seq_len,
        tie_word_embeddings=False,
    )
    return LlamaForCausalLM(config).eval()


def prompt(length: int, seed: int) -> list[int]:
    draw = torch.Generator().manual_seed(seed)
    return torch.randint(4, CONFIG.vocab_size, (length,), generator=draw).tolist()


class Timed(Generator):
    """Knows when the prompts were read."""

    read_at = 0.0

    def _next(self, *arguments: Any) -> list[int]:
        self.read_at = self.read_at or time.perf_counter()
        return super()._next(*arguments)

    def timed(self, prompts: list[list[int]], new: int) -> tuple[float, float]:
        """Return the seconds of reading, and of ``new`` greedy steps after it."""
        started, self.read_at = time.perf_counter(), 0.0
        self.generate([Prompt(ids, 0, new) for ids in prompts])
        return self.read_at - started, time.perf_counter() - self.read_at


def theirs(model: LlamaForCausalLM, ids: list[int], new: int) -> tuple[float, float]:
    """Return the seconds of reading, and of ``new`` greedy steps with the default cache."""
    started = time.perf_counter()
    answer = model(torch.tensor([ids]), use_cache=True, logits_to_keep=1)
    read = time.perf_counter()
    for _ in range(new):
        newest = answer.logits[:, -1:].argmax(dim=-1)
        answer = model(newest, past_key_values=answer.past_key_values, use_cache=True)
    return read - started, time.perf_counter() - read


def peak_bytes(generator: Generator, length: int) -> int:
    """Return how much resident memory grows at most while a prompt is read and 8 ids said."""
    Path("/proc/self/clear_refs").write_text("5")
    before = status("VmRSS")
    generator.generate([Prompt(prompt(length, 0), 0, 8)])
    return status("VmHWM") - before


def status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def new_generator(model: Step1, requests: int) -> Timed:
    candidates = Candidates(NO_END, (range(CONFIG.vocab_size),))
    return Timed(
        model, torch.empty(buffer_elements(CONFIG, requests)), candidates, Sampling(temperature=0)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--prompt", type=int, default=2000)
    parser.add_argument("--new", type=int, default=200)
    arguments = parser.parse_args()
    model, other = step1(), llama()
    prompts = [prompt(arguments.prompt - 150 * i, i) for i in range(TOGETHER)]
    rounds: dict[str, list[float]] = {
        name: [] for name in ("read", "llama reads", "decode", "llama decodes", "together", "apart")
    }
    report_memory(model)
    generator = new_generator(model, TOGETHER)
    for _ in range(arguments.rounds):
        compared = theirs(other, prompts[0], arguments.new)
        apart = [generator.timed([ids], arguments.new) for ids in prompts]
        together = generator.timed(prompts, arguments.new)
        seconds = (apart[0][0], compared[0], apart[0][1], compared[1], together[1],
                   sum(decode for _, decode in apart))  # fmt: skip
        for taken, second in zip(rounds.values(), seconds, strict=True):
            taken.append(second)
    report(rounds)


def report_memory(model: Step1) -> None:
    table = Table("prompt", "peak memory over the idle process")
    for length in LENGTHS:
        table.add_row(str(length), f"{peak_bytes(new_generator(model, 1), length) / 2**20:.0f} MiB")
    Console().print(table)


def report(rounds: dict[str, list[float]]) -> None:
    table = Table("what", "seconds", "against", "seconds", "ratio of the medians")
    for name, against in (
        ("read", "llama reads"),
        ("llama decodes", "decode"),
        ("apart", "together"),
    ):
        left, right = statistics.median(rounds[name]), statistics.median(rounds[against])
        table.add_row(name, f"{left:.2f}", against, f"{right:.2f}", f"{left / right:.2f}")
    Console().print(table)


if __name__ == "__main__":
    with torch.inference_mode():
        main()
