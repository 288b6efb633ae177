"""A whole service, started by ``greenroom up`` as a user does."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from command_line import GREENROOM
from own_ports import own_ports

from greenroom.settings import Settings
from greenroom.settings.exported import child_environment
from greenroom.supervisor.service import http_url


@contextmanager
def real_service(folder: Path, **given: Any) -> Iterator[str]:
    """Yield the address of a service on free ports; it has ended when the block has."""
    defaults = {"runtime_dir": folder / "runtime"}
    settings = Settings(**own_ports() | defaults | given)
    with subprocess.Popen(
        [GREENROOM, "up"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=child_environment(settings, os.environ),
    ) as process:
        log, ready = list[str](), threading.Event()

        def read() -> None:
            for line in process.stdout or ():
                log.append(line)
                if line.startswith("Greenroom is ready"):
                    ready.set()
            ready.set()

        reader = threading.Thread(target=read)
        reader.start()
        try:
            ready.wait()
            assert process.poll() is None, "".join(log)
            yield http_url(settings)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()
            reader.join()
