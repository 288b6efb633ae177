"""The gateway's side of the codec process: starts it, and talks to what it forks."""

import asyncio
import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from typing import Self

from greenroom.errors import Unavailable
from greenroom_speech.codec.limits import ANSWER_SECONDS, BEGIN_SECONDS
from greenroom_speech.codec.messages import BEGUN

PROGRAM = (sys.executable, "-m", "greenroom_speech.codec")
_MOST_AT_ONCE = 16
_INHERITED = ("HOME", "LANG", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH")
_ENVIRONMENT = {
    # A process that forks may have no threads; one that has few needs one arena.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
}


class Restarting(Unavailable):
    """The codec process has gone; the next file gets a new one."""

    def __init__(self) -> None:
        super().__init__("The decoder of audio files was restarted; send the request again.")


class EndedAlone(Exception):
    """The process of one file has ended without a word, and the codec process lives."""


class CodecProcess:
    """Forks a process for each file; all its calls come from one event loop."""

    def __init__(self, program: Sequence[str] = PROGRAM) -> None:
        self._program = program
        self._turns = asyncio.Semaphore(min(_MOST_AT_ONCE, max(2, os.cpu_count() or 1)))
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    @property
    def pid(self) -> int | None:
        """None while there is no codec process."""
        return self._process.pid if self._process else None

    @property
    def lives(self) -> bool:
        """True while the codec process has its end of the control socket open."""
        if self._control is None:
            return False
        poll = select.poll()
        poll.register(self._control, 0)  # a hang-up is always told
        return not poll.poll(0)

    def start(self) -> None:
        """Start the codec process if there is none, so that the first file need not wait."""
        if self.lives:
            return
        self.stop()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
            self._process = subprocess.Popen(
                self._program,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env=kept | _ENVIRONMENT,
                cwd="/",
            )
        ours.setblocking(False)
        self._control = ours

    def stop(self) -> None:
        """End the codec process and all that it has forked."""
        if self._control:
            self._control.close()
        if self._process:
            self._process.kill()
            self._process.wait()
        self._control = self._process = None

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until a processor may be used."""
        async with self._turns:
            yield

    async def forked(self, asked: Mapping[str, object], *descriptors: int) -> "Channel":
        """A process of its own for what is asked; it gets the descriptors too."""
        message = json.dumps(asked).encode()
        for _ in range(2):  # the codec process may have died since, or stand still
            self.start()
            assert self._control
            ours, theirs = socket.socketpair()
            ours.setblocking(False)
            with theirs, suppress(OSError):
                socket.send_fds(self._control, [message], [theirs.fileno(), *descriptors])
            with ExitStack() as unless_begun:
                channel = unless_begun.enter_context(Channel(self, ours))
                with suppress(Restarting):
                    await channel.begin()
                    unless_begun.pop_all()
                    return channel
        raise Restarting


class Channel:
    """The socket to the process of one file, which ends when it is closed.

    Its methods raise EndedAlone, or Restarting when the codec process has gone or hangs.
    """

    def __init__(self, process: CodecProcess, job: socket.socket) -> None:
        self._process = process
        self._pid = process.pid
        self._job = job

    async def begin(self) -> None:
        """Wait until the process of the file is there."""
        with suppress(ConnectionError):
            async with self._bounded(BEGIN_SECONDS):
                if await asyncio.get_running_loop().sock_recv(self._job, len(BEGUN)):
                    return
        raise Restarting

    async def send(self, content: bytes | memoryview) -> None:
        try:
            async with self._bounded(ANSWER_SECONDS):
                await asyncio.get_running_loop().sock_sendall(self._job, content)
        except ConnectionError:
            raise self._ended() from None

    async def fill(self, room: memoryview) -> None:
        """Receive as many bytes as there is room for."""
        loop = asyncio.get_running_loop()
        try:
            async with self._bounded(ANSWER_SECONDS):
                while room:
                    came = await loop.sock_recv_into(self._job, room)
                    if not came:
                        raise self._ended()
                    room = room[came:]
        except ConnectionError:
            raise self._ended() from None

    async def received(self, size: int) -> bytes:
        content = bytearray(size)
        await self.fill(memoryview(content))
        return bytes(content)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *of_exception: object) -> None:
        self._job.close()

    @asynccontextmanager
    async def _bounded(self, seconds: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError:
            if self._ours:
                self._process.stop()
            raise Restarting from None

    def _ended(self) -> Exception:
        return EndedAlone() if self._ours and self._process.lives else Restarting()

    @property
    def _ours(self) -> bool:
        """False once another codec process has taken the place of the one that forked this."""
        return self._process.pid == self._pid
