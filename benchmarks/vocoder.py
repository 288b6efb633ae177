"""What the vocoder costs beside its arithmetic: real sizes, random weights, 5 s of speech, CPU.

Runs the whole vocoder, then only the convolutions and matrix products that it called, with tensors
of the same shapes, in turns; prints the medians, their ratio and the real-time factor. With
--memory it prints instead the largest sum of activations for a 30 s prompt and 30 s of speech,
counted without computing anything.

usage: .venv/bin/python benchmarks/vocoder.py [--rounds 5] [--prompt 5] [--seconds 5] [--memory]
"""

import argparse
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from greenroom_speech.engines.step_audio.vocoder.flow import VoicePrompt
from greenroom_speech.engines.step_audio.vocoder.sizes import VocoderSizes
from greenroom_speech.engines.step_audio.vocoder.token_pairs import CODES
from greenroom_speech.engines.step_audio.vocoder.vocoder import Vocoder

CODES_PER_SECOND = 125 / 3
FRAMES_PER_SECOND = 50
ATTENTION = "scaled_dot_product_attention"
PRODUCTS = ("conv1d", "conv_transpose1d", "linear", "matmul", "baddbmm")
Call = tuple[Callable[..., Any], tuple[Any, ...]]


class Products(TorchDispatchMode):
    """Notes every convolution and matrix product, with tensors of its inputs' shapes."""

    def __init__(self, weights: set[int]) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self._weights = weights
        self._inputs: dict[tuple[int, ...], Tensor] = {}

    def __torch_dispatch__(
        self, function: Any, types: Any, arguments: Any = (), named: Any = None
    ) -> Any:
        name = function.overloadpacket.__name__
        if name == ATTENTION:
            query, key, value = arguments[:3]
            scores = self._like(torch.Size([*query.shape[:-1], key.shape[-2]]))
            self.calls.append((torch.matmul, (self._same(query), self._same(key).mT)))
            self.calls.append((torch.matmul, (scores, self._same(value))))
        elif name in PRODUCTS:
            same = (self._same(a) if isinstance(a, Tensor) else a for a in arguments)
            self.calls.append((function, tuple(same)))
        return function(*arguments, **(named or {}))

    def _same(self, tensor: Tensor) -> Tensor:
        weight = tensor.untyped_storage().data_ptr() in self._weights
        return tensor if weight else self._like(tensor.shape)

    def _like(self, shape: torch.Size) -> Tensor:
        if shape not in self._inputs:
            self._inputs[shape] = torch.randn(shape)
        return self._inputs[shape]


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of the tensors that live at the same time, whoever made them."""

    def __init__(self) -> None:
        super().__init__()
        self.most = 0
        self._live: dict[int, tuple[StorageWeakRef, int]] = {}

    def __torch_dispatch__(
        self, function: Any, types: Any, arguments: Any = (), named: Any = None
    ) -> Any:
        made = function(*arguments, **(named or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor):
                storage = tensor.untyped_storage()
                self._live[storage._cdata] = (StorageWeakRef(storage), storage.nbytes())
        self._live = {key: kept for key, kept in self._live.items() if not kept[0].expired()}
        self.most = max(self.most, sum(size for _, size in self._live.values()))
        return made


def vocoder_of_random_weights() -> Vocoder:
    vocoder = Vocoder(VocoderSizes())
    for module in (vocoder.flow, vocoder.hift):
        weights = {
            name: torch.randn(tensor.shape) * 0.02 for name, tensor in module.state_dict().items()
        }
        module.load_state_dict(weights, assign=True)
    return vocoder


def prompt(vocoder: Vocoder, seconds: float) -> VoicePrompt:
    features = torch.randn(round(seconds * FRAMES_PER_SECOND), 80)
    return vocoder.voice(codes(seconds), features, torch.randn(192))


def codes(seconds: float) -> list[int]:
    count = round(seconds * CODES_PER_SECOND / 5) * 5
    return random.choices(range(CODES), k=count)


def seconds_of(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def compare(arguments: argparse.Namespace) -> Table:
    vocoder = vocoder_of_random_weights()
    voice, said = prompt(vocoder, arguments.prompt), codes(arguments.seconds)
    modules = (vocoder.flow, vocoder.hift)
    weights = {p.untyped_storage().data_ptr() for module in modules for p in module.parameters()}
    with Products(weights) as products:
        wave = vocoder.speech(said, voice, seed=0)

    @torch.inference_mode()
    def bare() -> None:
        for function, inputs in products.calls:
            function(*inputs)

    bare()
    taken = [
        (seconds_of(lambda: vocoder.speech(said, voice, seed=0)), seconds_of(bare))
        for _ in range(arguments.rounds)
    ]
    whole, products_alone = (statistics.median(column) for column in zip(*taken, strict=True))
    ratio = statistics.median(one / other for one, other in taken)
    heard = len(wave) / vocoder.rate
    table = Table("speech", "prompt", "products", "whole", "products alone", "ratio", "real-time")
    table.add_row(
        f"{heard:.1f} s", f"{arguments.prompt:.1f} s", str(len(products.calls)),
        f"{whole:.2f} s", f"{products_alone:.2f} s", f"{ratio:.2f}", f"{whole / heard:.2f}",
    )  # fmt: skip
    return table


def activations() -> Table:
    """Return the largest sum of activations, counted with tensors that have only a shape."""
    with FakeTensorMode():
        vocoder = vocoder_of_random_weights()
        voice = prompt(vocoder, 30)
        with LiveBytes() as live:
            vocoder.speech(codes(30), voice, seed=0)
    table = Table("prompt", "speech", "activations")
    table.add_row("30 s", "30 s", f"{live.most / 1e6:.0f} MB")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--prompt", type=float, default=5.0, help="seconds")
    parser.add_argument("--seconds", type=float, default=5.0, help="of speech")
    parser.add_argument("--memory", action="store_true")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    Console().print(activations() if arguments.memory else compare(arguments))


if __name__ == "__main__":
    main()
