import resource
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch


@pytest.fixture(autouse=True)
def _one_thread():
    """Small tensors: more threads only wait for one another."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def memory_limit():
    """Return a context in which this process gets at most so many bytes more."""

    @contextmanager
    def limited(more):
        held = Path("/proc/self/status").read_text().split("VmData:")[1].split()[0]
        before = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (int(held) * 1024 + more, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_DATA, before)

    return limited
