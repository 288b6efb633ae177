"""Speech that visitors hear while it is being made."""

import asyncio
import secrets
import struct
from collections import OrderedDict
from collections.abc import AsyncIterator

from greenroom_speech.ui.stoppable_work import StoppableWork

LIVE = "/live"
"""Path of the takes, each below it by its token."""
MOST_BYTES = 64 * 2**20
"""Of one take: 23 minutes at 24,000 Hz."""
_KEPT_BYTES = 4 * MOST_BYTES
_HEADER = struct.Struct("<28xI12x")
"""Of a wav of 44 bytes: the bytes of a second."""
_PART = 64 * 1024


class Take(StoppableWork):
    """A wav file in the making, heard from its beginning by whoever comes."""

    def __init__(self) -> None:
        super().__init__()
        self.content = bytearray()
        self._ended = False
        self._more = asyncio.Event()

    @property
    def seconds(self) -> float:
        """How long it lasts so far."""
        if len(self.content) <= _HEADER.size:
            return 0.0
        (bytes_a_second,) = _HEADER.unpack_from(self.content)
        return float((len(self.content) - _HEADER.size) / bytes_a_second)

    def add(self, sound: bytes) -> None:
        self.content += sound
        self._tell()

    def end(self) -> None:
        """No more comes, whether all is there or not."""
        self._ended = True
        self._tell()

    async def heard(self) -> AsyncIterator[bytes]:
        """All of it, as it comes."""
        at = 0
        while True:
            more = self._more
            if part := bytes(self.content[at : at + _PART]):
                at += len(part)
                yield part
            elif self._ended:
                return
            else:
                await more.wait()

    def _tell(self) -> None:
        self._more.set()
        self._more = asyncio.Event()


class Takes:
    """The last takes by their tokens, which nobody can guess: who knows one may listen."""

    def __init__(self) -> None:
        self._takes: OrderedDict[str, Take] = OrderedDict()

    def begin(self) -> tuple[str, Take]:
        """A new take and its token; the oldest are forgotten to make room."""
        while sum(len(take.content) for take in self._takes.values()) > _KEPT_BYTES:
            self._takes.popitem(last=False)
        token, take = secrets.token_urlsafe(16), Take()
        self._takes[token] = take
        return token, take

    def get(self, token: str) -> Take | None:
        return self._takes.get(token)
