"""A whole service, started by ``greenroom up`` as a user does."""

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from command_line import GREENROOM

PORTS = ("HTTP", "GRPC", "TRITON_HTTP", "TRITON_GRPC", "TRITON_METRICS", "UI")


@contextmanager
def real_service(folder: Path) -> Iterator[str]:
    """Yield the address of a service on free ports; it has ended when the block has."""
    ports = _free_ports(len(PORTS))
    environment = os.environ | {
        "GREENROOM_RUNTIME_DIR": str(folder / "runtime"),
        **{f"GREENROOM_{name}_PORT": str(port) for name, port in zip(PORTS, ports, strict=True)},
    }
    with subprocess.Popen(
        [GREENROOM, "up"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
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
            yield f"http://127.0.0.1:{ports[0]}"
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()
            reader.join()


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
