"""Returns its input; holds bytes while it is hot, and waits wherever the test tells it to."""

import os
import time
from pathlib import Path

from greenroom.managed.engine import Memory, OneByOne

SIZE = 2**20


class PuppetEngine(OneByOne):
    name = "puppet"

    def __init__(self, settings: object) -> None:
        self._weights = bytearray(SIZE)

    def answer(self, request):
        return {"OUTPUT": request["INPUT"]}

    def offload(self) -> None:
        _wait("offload")
        self._weights = bytearray()

    def restore(self) -> None:
        _wait("restore")
        self._weights = bytearray(SIZE)

    def memory(self) -> Memory:
        return Memory(device_bytes=len(self._weights), host_bytes=SIZE)

    def close(self) -> None:
        pass


def _wait(where: str) -> None:
    """Wait as long as the file ``$GREENROOM_TEST_GATE.<where>`` is there."""
    while Path(f"{os.environ['GREENROOM_TEST_GATE']}.{where}").exists():
        time.sleep(0.005)
