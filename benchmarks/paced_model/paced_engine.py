"""Holds nothing, says that it holds bytes, and sleeps where another engine would work."""

import json
import time
from pathlib import Path

from greenroom.managed.engine import Memory, OneByOne, Tensors

_PACE = json.loads((Path(__file__).parent / "pace.json").read_text())


class PacedEngine(OneByOne):
    """Set by pace.json beside it: seconds of load, restore and offload, and bytes."""

    name = "paced"

    def __init__(self, settings: object) -> None:
        """Load."""
        time.sleep(_PACE["load"])
        self._there = True

    def answer(self, request: Tensors) -> Tensors:
        """Sleep for ``SECONDS``, FP32 [1], and give them back."""
        time.sleep(float(request["SECONDS"][0]))
        return {"SECONDS_WORKED": request["SECONDS"]}

    def offload(self) -> None:
        """Say that nothing is on the device."""
        time.sleep(_PACE["offload"])
        self._there = False

    def restore(self) -> None:
        """Say that all is on the device."""
        time.sleep(_PACE["restore"])
        self._there = True

    def memory(self) -> Memory:
        """Not measured: there is nothing."""
        return Memory(device_bytes=_PACE["bytes"] * self._there, host_bytes=_PACE["bytes"])

    def close(self) -> None:
        """Nothing to end."""
