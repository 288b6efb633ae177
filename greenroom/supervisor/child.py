"""One child process of the supervisor: in a group of its own, its output passed on by lines."""

import asyncio
import contextlib
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from greenroom.log_lines import printable
from greenroom.supervisor import parent_death as tied
from greenroom.supervisor.folded_lines import FoldedLines

Log = Callable[[str, str], None]
"""Takes a child's name and one line of its output, without the line end."""

_TAIL_LINES = 20
_LONGEST_LINE = 64 * 1024
_LAST_WORDS = 1.0


def log_to_stderr(name: str, line: str) -> None:
    """Print a line of a child with its name before it."""
    # The service goes on when its terminal or the reader of its log has gone.
    with contextlib.suppress(OSError):
        print(f"{name} | {line}", file=sys.stderr, flush=True)


class Child:
    """A process that is started once; `tail` keeps its last lines for the error report."""

    def __init__(
        self,
        name: str,
        command_line: Sequence[str],
        environment: Mapping[str, str],
        *,
        log: Log = log_to_stderr,
        on_orphaned: signal.Signals = signal.SIGKILL,
        umask: int = -1,
    ) -> None:
        self.name = name
        self.tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._command_line = list(command_line)
        self._environment = dict(environment)
        self._log = log
        self._lines = FoldedLines(self._say)
        self._on_orphaned = on_orphaned
        self._umask = umask
        self._process: asyncio.subprocess.Process | None = None
        self._pump: asyncio.Task[None] | None = None
        self._stopped = False

    @property
    def pid(self) -> int | None:
        """None before the start."""
        return self._process.pid if self._process else None

    @property
    def running(self) -> bool:
        """It has been started and has not ended."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start the process; if this process dies, it gets the signal `on_orphaned`."""
        # A pipe of our own: asyncio's would keep wait() from returning as long as a
        # grandchild that has inherited it lives.
        reading, writing = os.pipe()
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-IS",
                str(Path(tied.__file__)),
                str(os.getpid()),
                str(int(self._on_orphaned)),
                *self._command_line,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                env=self._environment,
                process_group=0,
                umask=self._umask,
            )
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        self._pump = asyncio.create_task(self._pass_on(reading))

    async def wait(self) -> int:
        """The exit status, -n for signal n."""
        assert self._process, "started"
        return await self._process.wait()

    async def last_words(self) -> str:
        """The last lines of a process that has ended."""
        if self._pump:
            await asyncio.wait({self._pump}, timeout=_LAST_WORDS)
        return "\n".join(self.tail)

    async def stop(self, grace: float) -> None:
        """SIGTERM, after `grace` seconds SIGKILL; then SIGKILL what is left of its group."""
        if not self._process or self._stopped:
            return
        if self.running and grace > 0:
            self._process.terminate()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    await self._process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        if self._pump:
            await asyncio.wait({self._pump}, timeout=_LAST_WORDS)
            self._pump.cancel()
        # The process id may belong to somebody else from now on.
        self._stopped = True

    async def _pass_on(self, descriptor: int) -> None:
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb")
        )
        try:
            pending = b""
            while chunk := await reader.read(_LONGEST_LINE):
                *lines, pending = (pending + chunk).split(b"\n")
                if len(pending) > _LONGEST_LINE:
                    lines, pending = [*lines, pending], b""
                for line in lines:
                    self._lines.add(_text(line))
            if pending:
                self._lines.add(_text(pending))
        finally:
            transport.close()
            self._lines.close()

    def _say(self, line: str) -> None:
        self.tail.append(line)
        self._log(self.name, line)


def _text(line: bytes) -> str:
    return printable(line.decode(errors="replace").rstrip("\r"))
