"""The gateway's side of the decoder: a file goes in, windows come out as they are asked for."""

import asyncio
import json
import logging
import os
import select
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import numpy as np

from greenroom.errors import InvalidInput, QueueFull, TooLarge, Unavailable
from greenroom.plugin import Held
from greenroom_speech.decoder.limits import ANSWER_SECONDS, MOST_FILES
from greenroom_speech.decoder.messages import NEXT, Head
from greenroom_speech.decoder.recording import Recording, Samples

logger = logging.getLogger(__name__)

PROGRAM = (sys.executable, "-m", "greenroom_speech.decoder")
_ITEM_BYTES = 4
_MOST_AT_ONCE = 16
_INHERITED = ("HOME", "LANG", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH")
_ENVIRONMENT = {
    # A process that forks may have no threads; one that has few needs one arena.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
}


Reader = Callable[[bytes, str], Awaitable[Recording]]
"""Reads the recording in a file's content; the text names it in errors."""


class Sound:
    """An open file."""

    def __init__(self, decoder: "Decoder", job: socket.socket, field: str, size: int) -> None:
        self._decoder = decoder
        self._job = job
        self._field = field
        self._size = size
        self.rate = 0
        """Samples a second of every window, at most 48,000."""

    async def windows(self) -> AsyncIterator[Samples]:
        """Mono samples [n] in [-1, 1], at most 30 s each, the last window shorter.

        A window's bytes count as held until the next is asked for. Raises InvalidInput, TooLarge
        as soon as the file turns out to be damaged or too long; QueueFull.
        """
        while True:
            async with self._decoder.turn():
                await self._send(NEXT)
                head = await self._head()
                nbytes = head.size * _ITEM_BYTES
                self._decoder.held.take(nbytes)
                try:
                    window = np.empty(head.size, np.float32)
                    await self._fill(window.view(np.uint8).data)
                except BaseException:
                    self._decoder.held.give_back(nbytes)
                    raise
            try:
                if not head.size:
                    return
                yield window
                del window
            finally:
                self._decoder.held.give_back(nbytes)

    async def begin(self) -> None:
        """Wait until the file is open."""
        self.rate = (await self._head()).rate

    async def _head(self) -> Head:
        content = bytearray(Head.FORM.size)
        await self._fill(memoryview(content))
        head = Head.unpacked(bytes(content))
        if head.kind in (Head.OPENED, Head.WINDOW):
            return head
        text = bytearray(head.size)
        await self._fill(memoryview(text))
        if head.kind == Head.TOO_LONG:
            raise TooLarge(f"{self._field} {text.decode()}")
        if head.kind == Head.NO_SOUND:
            raise InvalidInput(f"{self._field} {text.decode()}")
        logger.warning("The decoder failed on a file of %d bytes: %r", self._size, text.decode())
        raise self._unreadable()

    async def _send(self, content: bytes) -> None:
        try:
            await asyncio.get_running_loop().sock_sendall(self._job, content)
        except ConnectionError:
            raise self._ended() from None

    async def _fill(self, room: memoryview) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                while room:
                    came = await loop.sock_recv_into(self._job, room)
                    if not came:
                        raise self._ended()
                    room = room[came:]
        except TimeoutError:
            self._decoder.stop()
            raise _Restarting from None
        except ConnectionError:
            raise self._ended() from None

    def _ended(self) -> Exception:
        """Why the process of this file has ended without a word."""
        return self._unreadable() if self._decoder.lives else _Restarting()

    def _unreadable(self) -> InvalidInput:
        return InvalidInput(
            f"{self._field} ({self._size} bytes) cannot be read: the decoder failed, or needed "
            f"too much time or memory."
        )


class _Restarting(Unavailable):
    """The decoder process has gone; the next file gets a new one."""

    def __init__(self) -> None:
        super().__init__("The decoder of audio files was restarted; send the request again.")


class Decoder:
    """Reads audio files in processes of their own; all its calls come from one event loop."""

    def __init__(self, held: Held, program: Sequence[str] = PROGRAM) -> None:
        self.held = held
        self._program = program
        self._turns = asyncio.Semaphore(min(_MOST_AT_ONCE, max(2, os.cpu_count() or 1)))
        self._files = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    @property
    def pid(self) -> int | None:
        """None while there is no decoder process."""
        return self._process.pid if self._process else None

    @property
    def lives(self) -> bool:
        """True while the decoder process has its end of the control socket open."""
        if self._control is None:
            return False
        poll = select.poll()
        poll.register(self._control, 0)  # a hang-up is always told
        return not poll.poll(0)

    def start(self) -> None:
        """Start the decoder process if there is none, so that the first file need not wait."""
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
        """End the decoder process and all that it has forked."""
        if self._control:
            self._control.close()
        if self._process:
            self._process.kill()
            self._process.wait()
        self._control = self._process = None

    @asynccontextmanager
    async def opened(self, content: bytes, field: str, longest: float) -> AsyncIterator[Sound]:
        """Open the content of an audio file; `longest` in seconds.

        Raises InvalidInput naming `field` for what is no sound, TooLarge for what says that it
        lasts longer, QueueFull, Unavailable.
        """
        if self._files >= MOST_FILES:
            raise QueueFull(
                f"{self._files} audio files are being read already, which is the limit."
            )
        size = len(content)
        self._files += 1
        try:
            self.held.take(size)
            try:
                async with self._begun(content, field, longest) as sound:
                    yield sound
            finally:
                self.held.give_back(size)
        finally:
            self._files -= 1

    async def recording(self, content: bytes, field: str, longest: float) -> Recording:
        """All of a file's sound; raises as `opened` and `Sound.windows` do."""
        async with self.opened(content, field, longest) as sound:
            windows = [window async for window in sound.windows()]
            samples = windows[0] if len(windows) == 1 else np.concatenate(windows)
            return Recording(samples, sound.rate)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until a processor may be used."""
        async with self._turns:
            yield

    @asynccontextmanager
    async def _begun(self, content: bytes, field: str, longest: float) -> AsyncIterator[Sound]:
        async with self.turn():
            file = await asyncio.to_thread(_file, content)
            try:
                job = self._handed(file, longest)
            finally:
                os.close(file)
            sound = Sound(self, job, field, len(content))
            try:
                await sound.begin()
            except BaseException:
                job.close()
                raise
        with job:
            yield sound

    def _handed(self, file: int, longest: float) -> socket.socket:
        """Our end of the socket to the process that reads the file."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        asked = json.dumps({"longest": longest}).encode()
        with theirs:
            for _ in range(2):  # the decoder process may have died since
                self.start()
                assert self._control
                with suppress(OSError):
                    socket.send_fds(self._control, [asked], [theirs.fileno(), file])
                    return ours
                self.stop()
        ours.close()
        raise _Restarting


def _file(content: bytes) -> int:
    """A descriptor of the content in memory, for the caller to close."""
    file = os.memfd_create("audio")
    left = memoryview(content)
    while left:
        left = left[os.write(file, left) :]
    return file
