"""One whole load of a test model in this process; prints the peak of its memory in bytes.

usage: .venv/bin/python benchmarks/arena_load.py VERSION_FOLDER (arena.py calls it)
"""

import json
import sys
from pathlib import Path

import torch

sys.path.insert(0, sys.argv[1])
from weight_engine import Weights

from greenroom.managed.arena import Arena

folder = Path(sys.argv[1])
with torch.device("meta"):
    module = Weights(json.loads((folder / "weights.json").read_text())["tensors"])
arena = Arena(module)
arena.read(module, folder / "model.safetensors")
arena.restore()
# Every page is seen once, as by a model that runs.
arena._range.bytes[: arena.memory().host_bytes : 4096].max()
status = Path("/proc/self/status").read_text()
print(int(status.split("VmHWM:")[1].split()[0]) * 1024)
