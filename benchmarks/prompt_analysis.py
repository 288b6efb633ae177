"""What the analysis of a prompt costs: released sizes, random weights, 10 s of speech, one thread.

Runs Paraformer's encoder in turns as FunASR does it (step by step), as the engine does it (layer
by layer) and as the bare matrix products of the latter; prints the medians, their ratios, and the
real-time factors of the two networks and of the features. Then it starts fresh processes that
import and build the engine on a tiny checkpoint. All seconds are of the processor, so that what
else the machine does counts little.

usage: .venv/bin/python benchmarks/prompt_analysis.py [--rounds 5] [--seconds 10]
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from greenroom_speech.engines.step_audio.prompt_analysis.kaldi_fbank import fbank, povey_window
from greenroom_speech.engines.step_audio.prompt_analysis.linguistic_encoder import (
    ROWS,
    LinguisticEncoder,
)
from greenroom_speech.engines.step_audio.prompt_analysis.linguistic_front_end import (
    Normalisation,
    feature_frames,
    linguistic_features,
)
from greenroom_speech.engines.step_audio.prompt_analysis.log_mel import log_mel
from greenroom_speech.engines.step_audio.prompt_analysis.preprocessing import (
    limited,
    normalised,
    trimmed,
)
from greenroom_speech.engines.step_audio.prompt_analysis.resampling import resampled
from greenroom_speech.engines.step_audio.prompt_analysis.semantic_network import (
    SemanticNetwork,
    SemanticShape,
)
from greenroom_speech.engines.step_audio.prompt_analysis.speech_features import speech_features

TESTS = Path(__file__).parent.parent / "tests"
INPUTS, WIDTH = 560, 512
ENCODER = {
    "output_size": WIDTH,
    "attention_heads": 4,
    "linear_units": 2048,
    "num_blocks": 50,
    "input_layer": "pe_online",
    "selfattention_layer_type": "sanm",
    "normalize_before": True,
}
SEMANTIC = SemanticShape(128, 1280, 6, 5120, 1500, 4096)
START = """
import sys, time
from pathlib import Path
begun = time.process_time()
import torch
torch_in = time.process_time()
from greenroom_speech.settings import EngineSettings
from greenroom_speech.engines.step_audio.prompt_analysis.engine import StepAudioTokenizer
engine_in = time.process_time()
StepAudioTokenizer(EngineSettings(models_dir=Path(sys.argv[1]))).close()
print(torch_in - begun, engine_in - torch_in, time.process_time() - engine_in)
"""


def filled(module: nn.Module) -> nn.Module:
    for tensor in (*module.parameters(), *module.buffers()):
        tensor.data.normal_(std=0.02)
    return module


@torch.inference_mode()
def step_by_step(network: LinguisticEncoder, features: Tensor) -> Tensor:
    """Return what FunASR's own streaming loop makes."""
    cache = {
        "start_idx": 0,
        "chunk_size": [0, 4, 5],
        "encoder_chunk_look_back": 4,
        "opt": None,
        "feats": torch.zeros(1, 5, INPUTS),
        "tail_chunk": False,
    }
    rows = []
    for new in features.split(4):
        encoded = network.encoder.forward_chunk(new[None].clone(), None, cache=cache)[0]
        rows.append(encoded[0, -len(new) :])
    return torch.cat(rows)


@torch.inference_mode()
def bare_products(network: LinguisticEncoder, rows: int) -> None:
    for layer in (*network.encoder.encoders0, *network.encoder.encoders):
        layer.self_attn.linear_q_k_v(torch.empty(rows, layer.in_size))
        x = layer.self_attn.linear_out(torch.empty(rows, WIDTH))
        layer.feed_forward.w_2(layer.feed_forward.w_1(x))


def features(speech: Tensor, normalisation: Normalisation) -> None:
    """All features of a 24 kHz recording."""
    wave = limited(speech)
    narrow = resampled(wave, 24_000, 16_000)
    speech_features(wave)
    fbank(narrow, povey_window())
    kept = trimmed(normalised(narrow))
    linguistic_features(kept, normalisation)
    log_mel(kept)


def medians(rounds: int, **runs: Callable[[], object]) -> dict[str, float]:
    """Return seconds, taken in turns."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds + 1):
        for name, run in runs.items():
            begun = time.process_time()
            run()
            taken[name].append(time.process_time() - begun)
    return {name: statistics.median(times[1:]) for name, times in taken.items()}


def starts(rounds: int) -> list[float]:
    """Return the medians of a process's parts: torch, the engine's imports, its making."""
    sys.path.insert(0, str(TESTS))
    from tiny_checkpoints.prompt_analysis import prompt_checkpoint

    with tempfile.TemporaryDirectory() as folder:
        models = str(prompt_checkpoint(Path(folder)))
        command = [sys.executable, "-c", START, models]
        runs = [
            subprocess.run(command, env=os.environ, check=True, capture_output=True, text=True)
            for _ in range(rounds)
        ]
    parts = zip(*(map(float, run.stdout.split()) for run in runs), strict=True)
    return [statistics.median(part) for part in parts]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10.0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    linguistic, semantic = filled(LinguisticEncoder(ENCODER)), filled(SemanticNetwork(SEMANTIC))
    speech = torch.randn(int(given.seconds * 24_000)) * 0.1
    normalisation = Normalisation(torch.zeros(INPUTS), torch.ones(INPUTS))
    frames = feature_frames(int(given.seconds * 16_000))
    stacked = torch.randn(frames, INPUTS)
    mel = torch.randn(SEMANTIC.bands, int(given.seconds * 100))
    taken = medians(
        given.rounds,
        steps=lambda: step_by_step(linguistic, stacked),
        layers=lambda: linguistic.encode(stacked),
        bare=lambda: bare_products(linguistic, -(-frames // 4) * ROWS),
        semantic=lambda: semantic(mel),
        features=lambda: features(speech, normalisation),
    )
    table = Table("what", "CPU seconds", "real-time factor", "row above / this")
    for name, label, other in (
        ("steps", "linguistic codes as FunASR, step by step", None),
        ("layers", "linguistic codes, layer by layer", "steps"),
        ("bare", "bare matrix products of that", "layers"),
        ("semantic", "semantic codes", None),
        ("features", "all features", None),
    ):
        ratio = f"{taken[other] / taken[name]:.2f}" if other else ""
        table.add_row(label, f"{taken[name]:.2f}", f"{taken[name] / given.seconds:.3f}", ratio)
    for label, seconds in zip(
        ("start: import torch", "start: the engine's imports", "start: making it, tiny"),
        starts(given.rounds),
        strict=True,
    ):
        table.add_row(label, f"{seconds:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
