"""One part of a service as an operator starts it: a user, a home and settings of its own."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil

import greenroom_client
from greenroom.settings import PROJECT, Settings
from greenroom.settings.exported import exported
from greenroom_speech.settings import PageSettings

GREENROOM = Path(sys.executable).with_name("greenroom")
PACKAGES = [PROJECT, PROJECT / "speech", Path(greenroom_client.__file__).parent.parent]
FIRST_USER = 61_000
LONGEST_START, LONGEST_STOP = 60, 15
# The interpreter may lie where only root looks: they may read what they like, and no more.
RIGHTS = "-all,+dac_read_search"


def as_user(number):
    """Return the command that runs another one as a user; none, where nobody else can be."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        return ()
    user = f"{FIRST_USER + number}"
    rights = [f"--{kind}={RIGHTS}" for kind in ("inh-caps", "ambient-caps", "bounding-set")]
    return ("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *rights)


class SeparatePart:
    """A `greenroom up --only PART` with nothing in its environment but what it is given."""

    def __init__(self, part, home, user, **settings):
        self.part, self.home, self._user = part, home, user
        page = {name: settings.pop(name) for name in PageSettings.model_fields.keys() & settings}
        self.page = PageSettings(**page)
        self.settings = Settings(runtime_dir=home / "runtime", **settings)
        self.log = home / f"{part}.log"
        self._process = None

    @property
    def pid(self):
        """The process id of its supervisor."""
        return self._process.pid

    async def __aenter__(self):
        await self.start()
        return self

    async def __aexit__(self, *raised):
        await self.stop()

    async def start(self):
        """Start it and wait until it says that it is ready."""
        self.begin()
        async with asyncio.timeout(LONGEST_START):
            await self.said("Greenroom is ready")

    def begin(self, *before):
        """Start it; `before` is a command that runs it."""
        self.home.mkdir(exist_ok=True)
        if user := as_user(self._user):
            shutil.chown(self.home, FIRST_USER + self._user, FIRST_USER + self._user)
        given = {
            name: value
            for one in (self.settings, self.page)
            for name, value in exported(one).items()
            if name.removeprefix("GREENROOM_").lower() in one.model_fields_set
        }
        environment = {
            "PATH": os.defpath,
            "HOME": str(self.home),
            "PYTHONPATH": os.pathsep.join(map(str, PACKAGES)),
            "PYTHONUNBUFFERED": "1",
            "GREENROOM_TEST_GATE": str(self.home / "gate"),
        }
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                [*before, *user, GREENROOM, "up", "--only", self.part],
                env=environment | given,
                cwd=self.home,
                stdout=log,
                stderr=log,
            )

    async def said(self, text, times=1):
        """Wait until a text is in its log."""
        while (log := self.log.read_text()).count(text) < times:
            assert self._process.poll() is None, log
            await asyncio.sleep(0.02)

    def processes(self, name):
        """Return its processes with a name in the command line."""
        found = []
        for process in psutil.Process(self.pid).children(recursive=True):
            try:
                if name in " ".join(process.cmdline()):
                    found.append(process)
            except psutil.NoSuchProcess:
                continue
        return found

    def wait(self):
        """Wait until it has ended."""
        self._process.wait(LONGEST_STOP)

    async def stop(self):
        """End it as `docker stop` does."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(self.wait)
