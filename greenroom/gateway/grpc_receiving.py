"""What gRPC clients have sent of messages and calls that are not complete: counted, and bounded.

grpc.aio hands over whole messages and tells nothing of others. The kernel knows how many bytes came
on a connection: those that were in no message yet lie in gRPC's buffers. There lie also the headers
of a call that has not begun, which gRPC collects without a bound.
"""

import asyncio
import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote

from greenroom.gateway.asking import KEY
from greenroom.gateway.held_bytes import HeldBytes
from greenroom.gateway.tcp_connections import TcpConnections

logger = logging.getLogger(__name__)

_EVERY = 0.1
"""Seconds between looks while messages are awaited."""
_OVERHEAD = 1024
"""Bytes of headers and frames that may come with a message, and a 256th of it."""
_SIGN_OF_LIFE = 256
"""Bytes; answers to pings have less."""
_LOOK_AT_ALL = 0.5
"""Seconds between looks at all connections."""
_MOST_WITHOUT_CALL, _MOST_BESIDE_CALLS = 2**16, 2**24
"""Bytes that may come before a call begins: of a connection that has no other, and of one that has,
whose client also tells what it has taken of the answers. A call's headers have 16 KiB at most."""
_WORTH = 2**20
"""Bytes of unfinished messages for which a connection may have to go."""


class Awaited:
    """A connection from which messages are awaited."""

    def __init__(self, peer: str, key: str, received: int) -> None:
        self.peer, self.key = peer, key
        self.reads = 0
        self.most = 0.0
        self.unfinished = self.counted = 0
        self.received = received
        self.known = received
        """Of the bytes received, those that were in messages or beside them."""

    def look(self, received: int) -> None:
        self.received = received
        self.known = min(self.known, received)  # it may have been packed
        self.unfinished = received - self.known


class Calls:
    """The calls of a connection: how many are open, and the bytes received when that changed."""

    def __init__(self) -> None:
        self.open = 0
        self.received: int | None = None
        """None: as many as the next look finds."""
        self.over = False
        """Too much had come at the last look; a call may be about to begin."""


class GrpcReceiving:
    """Counts unfinished messages; cuts off who sends too much of one when there is no room."""

    def __init__(self, held: HeldBytes) -> None:
        self._calls: dict[str, Calls] = {}
        self._held = held
        self._connections = TcpConnections()
        self._awaited: dict[str, Awaited] = {}
        self._watching: asyncio.Task[None] | None = None

    def complete(self, awaited: Awaited, size: int) -> None:
        """A message was handed over, which who has it now counts."""
        awaited.known += size + size // 256 + _OVERHEAD
        self._count(awaited, max(0, awaited.counted - size))

    @contextmanager
    def awaiting(self, peer: str, most: float = math.inf) -> Iterator[Awaited]:
        """Count what comes of a message; its connection is cut off at `most` bytes."""
        awaited = self._awaited.get(peer)
        if awaited is None:
            received = self._connections.received(peer) or 0
            awaited = self._awaited[peer] = Awaited(peer, KEY.get(), received)
        awaited.reads += 1
        awaited.most = max(awaited.most, most)
        if not self._watching:
            self._watching = asyncio.create_task(self._watch())
        try:
            yield awaited
        finally:
            awaited.reads -= 1
            if not awaited.reads:
                self._awaited.pop(peer, None)
                self._count(awaited, 0)

    @contextmanager
    def calling(self, peer: str, *, is_probe: bool) -> Iterator[None]:
        """A call of a connection has begun, and ends; probes do not last, as far as this goes."""
        calls = self._calls.setdefault(_address(peer), Calls())
        calls.received = None
        calls.open += not is_probe
        try:
            yield
        finally:
            calls.open -= not is_probe
            calls.received = None

    async def watch_connections(self, port: int) -> None:
        """Cut off, for ever, who sends much and begins no call."""
        found = TcpConnections()  # of its own, for a thread: it takes 0.1 ms for each
        while True:
            await asyncio.sleep(_LOOK_AT_ALL)
            connections = await asyncio.to_thread(found.accepted_on, port)
            for gone in self._calls.keys() - connections.keys():
                if not self._calls[gone].open:
                    del self._calls[gone]
            counted = set(map(_address, self._awaited))
            for address, received in connections.items():
                self._look_at_calls(address, received, address in counted)

    def _look_at_calls(self, address: str, received: int, is_counted: bool) -> None:
        calls = self._calls.get(address)
        if calls is None:
            calls = self._calls[address] = Calls()
            calls.received = 0
        if calls.received is None or is_counted:
            calls.received, calls.over = received, False
            return
        most = _MOST_BESIDE_CALLS if calls.open else _MOST_WITHOUT_CALL
        came = received - calls.received
        if came > most and calls.over:
            self.cut_off(f"tcp:{address}", f"sent {came} bytes and began no call with them")
        calls.over = came > most

    def gave(self, awaited: Awaited, since: int) -> bool:
        """Its connection has given more than answers to pings since it had `since` bytes."""
        return (self._connections.received(awaited.peer) or 0) - since >= _SIGN_OF_LIFE

    def cut_off(self, peer: str, why: str) -> None:
        if self._connections.shut_down(peer):
            logger.info("Client %s %s and was cut off", peer.partition(":")[2], why)

    async def _watch(self) -> None:
        try:
            while self._awaited:
                await asyncio.sleep(_EVERY)
                for awaited in list(self._awaited.values()):
                    self._look(awaited)
                self._make_room()
        finally:
            self._watching = None  # whatever ended it, the next message is watched again

    def _look(self, awaited: Awaited) -> None:
        received = self._connections.received(awaited.peer)
        if received is None:
            return
        awaited.look(received)
        self._count(awaited, awaited.unfinished)
        if awaited.unfinished > awaited.most:
            self.cut_off(awaited.peer, f"sent {awaited.unfinished} bytes of a probe's message")

    def _make_room(self) -> None:
        crowding = [
            one
            for one in self._awaited.values()
            if one.unfinished > _WORTH and self._held.full(one.key)
        ]
        if crowding:
            most = max(crowding, key=lambda one: one.unfinished)
            self.cut_off(most.peer, f"sent {most.unfinished} bytes for which there is no room")

    def _count(self, awaited: Awaited, size: int) -> None:
        self._held.keep(size - awaited.counted, awaited.key)
        awaited.counted = size


def _address(peer: str) -> str:
    """A peer without its family, as the kernel's list names it."""
    return unquote(peer).partition(":")[2]
