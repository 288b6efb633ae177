"""The Greenroom of a replica: starts with it, ends with it, and outlives it in no case."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import aiohttp
import typer

from greenroom.errors import SetupError
from greenroom.fleet.replica_folder import clear, clear_those_of_the_dead, own_folder
from greenroom.settings import Settings
from greenroom.settings.exported import child_environment
from greenroom.supervisor import Service, parent_death
from greenroom.supervisor.plain_errors import failing_plainly
from greenroom.supervisor.ports import free_settings
from greenroom.supervisor.service import http_url
from greenroom.supervisor.up import serve

_LOOK_EVERY = 0.1
AFTER_DRAIN = 15.0
"""Seconds beyond drain_timeout that it has to end: for Triton and for last answers."""
_LAST_WORDS = 1.0
"""Seconds until what it has said before it ended is read."""


class OwnGreenroom:
    """A service on free ports of this machine alone, on the GPU that Ray leaves visible.

    If this process dies it is killed, by the signal that Linux sends at a parent's death.
    """

    def __init__(self, gone: Callable[[], None]) -> None:
        """`gone` is called, by another thread, as soon as one that was ready ends by itself."""
        clear_those_of_the_dead(Settings())
        self._folder, self._held = own_folder()
        given: dict[str, Any] = {"host": "127.0.0.1", "runtime_dir": self._folder, "gpu": 0}
        # Where the user's own listens has no meaning here.
        given |= {"triton_listen": "unix", "triton_host": None, "shared_dir": None}
        self.settings = free_settings(**given)
        self.url = http_url(self.settings)
        self.grpc_target = self.settings.listening_on(self.settings.grpc_port)
        self._gone = gone
        self._process: subprocess.Popen[bytes] | None = None
        self._said = "it said nothing."
        self._ended = threading.Event()
        self._expected = True
        """Its end is, before it is ready and after it was told to."""

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    async def start(self, session: aiohttp.ClientSession) -> None:
        """Return when it is ready. Raises SetupError if it ends before."""
        # Linux counts the end of the thread that has started a process as the parent's death.
        threading.Thread(target=self._run, name="greenroom", daemon=True).start()
        while not await self._ready(session):
            if self._ended.is_set():
                clear(self._folder, self.settings)
                raise SetupError(f"A replica's Greenroom does not start: {self._said}")
            await asyncio.sleep(_LOOK_EVERY)
        self._expected = False
        if self._ended.is_set():
            self._gone()

    async def stop(self) -> None:
        """Drain it, then end it."""
        self._expected = True
        if (process := self._process) is not None:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(process.wait, self.settings.drain_timeout + AFTER_DRAIN)
            process.kill()
        await asyncio.to_thread(clear, self._folder, self.settings)

    def _run(self) -> None:
        tied = (sys.executable, "-IS", str(Path(parent_death.__file__)))
        orphaned = (str(os.getpid()), str(int(signal.SIGKILL)))
        try:
            self._process = process = subprocess.Popen(
                [*tied, *orphaned, sys.executable, "-m", __name__],
                stdin=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=child_environment(self.settings, os.environ),
                process_group=0,
            )
            # By a thread of its own: who inherits the pipe may live longer.
            listening = threading.Thread(target=self._listen, args=(process.stderr,), daemon=True)
            listening.start()
            process.wait()
            if self._expected:
                listening.join(_LAST_WORDS)
        except OSError as error:
            self._said = f"{error}."
        self._ended.set()
        if not self._expected:  # what it leaves is cleared by the next one: this process ends now
            self._gone()

    def _listen(self, words: IO[bytes]) -> None:
        """Pass on what it says; its last sentence is why it ended."""
        for line in words:
            with suppress(OSError):
                os.write(2, line)
            if said := line.decode(errors="replace").strip():
                self._said = said.removeprefix("greenroom: ")

    async def _ready(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(f"{self.url}/readyz") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False


def main() -> None:
    """Triton and the gateway; pages and the like of plug-ins are no part of a fleet."""
    try:
        with failing_plainly():
            asyncio.run(serve(Service(Settings(), plugins=())))
    except typer.Exit as failed:
        sys.exit(failed.exit_code)


if __name__ == "__main__":
    main()
