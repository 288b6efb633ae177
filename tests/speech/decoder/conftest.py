"""A decoder, and a count of what it holds."""

import pytest

from greenroom.gateway.held_bytes import HeldBytes
from greenroom_speech.decoder.client import Decoder

MOST_HELD = 256 * 2**20


class Counted(HeldBytes):
    """Remembers the most that was held."""

    def __init__(self) -> None:
        super().__init__(MOST_HELD)
        self.now = self.peak = 0

    def take(self, size: int) -> None:
        super().take(size)
        self.now += size
        self.peak = max(self.peak, self.now)

    def give_back(self, size: int) -> None:
        super().give_back(size)
        self.now -= size


@pytest.fixture
def held() -> Counted:
    return Counted()


@pytest.fixture
def decoder(held: Counted):
    decoder = Decoder(held)
    yield decoder
    decoder.stop()
    assert held.now == 0
