"""What an engine with an arena reports."""

import torch
from torch import nn

from greenroom.managed.arena import ArenaEngine

BYTES = 4 * 2**20


def engine():
    return ArenaEngine(nn.Linear(1024, 1024, bias=False), "cpu")


def test_without_a_gpu_the_cpu_stands_for_the_device():
    made = engine()
    assert made.memory().device_bytes >= BYTES
    made.offload()
    assert made.memory().device_bytes == 0
    assert made.memory().host_bytes >= BYTES
    made.close()


def test_on_the_cpu_of_a_machine_with_a_gpu_nothing_counts_as_on_the_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    made = engine()
    made.arena.scratch((BYTES,), torch.uint8).fill_(1)
    held = made.memory()
    assert (held.device_bytes, held.device_overhead_bytes) == (0, 0)
    assert 2 * BYTES <= held.host_bytes < 2.1 * BYTES
    made.close()
