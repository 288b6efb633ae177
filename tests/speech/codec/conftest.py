"""The codec process, what reads and writes through it, and a count of what is held."""

import asyncio

import pytest

from greenroom.gateway.held_bytes import HeldBytes
from greenroom_speech.codec.decoder import Decoder
from greenroom_speech.codec.process import CodecProcess

MOST_HELD = 256 * 2**20


class Counted(HeldBytes):
    """Remembers the most that was held."""

    def __init__(self) -> None:
        super().__init__(MOST_HELD)
        self.peak = 0

    def _count(self, size: int, key: str) -> None:
        super()._count(size, key)
        self.peak = max(self.peak, self.now)


@pytest.fixture
def held() -> Counted:
    return Counted()


@pytest.fixture(scope="session")
def _codec():
    codec = CodecProcess()
    yield codec
    codec.stop()


@pytest.fixture
def codec(_codec: CodecProcess):
    """Return one for all tests, as a gateway has one for all files; its turns are of one loop."""
    _codec._turns = asyncio.Semaphore(2)
    return _codec


@pytest.fixture
def decoder(codec: CodecProcess, held: Counted):
    yield Decoder(codec, held)
    assert held.now == 0
