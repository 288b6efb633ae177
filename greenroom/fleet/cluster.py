"""Ray's processes of a fleet on this machine: started with a token, ended by their own mark."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from greenroom.addresses import is_loopback
from greenroom.errors import SetupError
from greenroom.fleet.replica_folder import clear_those_of_the_dead
from greenroom.fleet.token import MARK, fleet_folder, ray_environment
from greenroom.settings import Settings
from greenroom.supervisor.ports import Listener, check_ports, gateway_listeners

_START_TIMEOUT = 120.0
_END_TIMEOUT = 3.0
_LONGEST_END = 30.0
"""Seconds; a process that waits for a broken device cannot be killed."""
_ADDRESS, _TEMPORARY = "address", "temporary"
"""Files in the fleet's folder: where its head is, and where Ray keeps sockets and logs."""


def ray_command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "ray.scripts.scripts", *arguments]


@contextmanager
def starting_alone(settings: Settings) -> Iterator[None]:
    """Raises SetupError while another `up` starts this fleet: one that fails ends them all."""
    try:
        with FileLock(fleet_folder(settings) / "up.lock", blocking=False):
            yield
    except Timeout as error:
        raise SetupError(
            f"A fleet with HTTP port {settings.http_port} is being started here already."
        ) from error


def check_free(settings: Settings, ray_port: int, keys: bool) -> None:
    """Raise SetupError for a port that is taken: Ray's proxies would share it with who has it."""
    http, grpc = gateway_listeners(settings)
    rays = [
        Listener("--ray-port", "0.0.0.0", ray_port),
        Listener("--ray-port, which takes the next one too,", "0.0.0.0", ray_port + 1),
    ]
    check_ports([http, *([grpc] if keys else []), *rays])


def start_head(settings: Settings, ray_port: int, gpus: int | None) -> str:
    """Start Ray's head on this machine; returns its address.

    None leaves the GPUs to Ray, a number pretends them. Raises SetupError if Ray does not
    start.
    """
    folder = fleet_folder(settings)
    temporary = tempfile.mkdtemp(prefix="greenroom-ray-")  # a socket's path has 107 characters
    host = "127.0.0.1" if is_loopback(settings.host) else _own_address(settings)
    options = [f"--node-ip-address={host}", f"--port={ray_port}", f"--temp-dir={temporary}"]
    options += [
        "--include-dashboard=false",
        "--disable-usage-stats",
        f"--ray-client-server-port={ray_port + 1}",
    ]
    options += [] if gpus is None else [f"--num-gpus={gpus}"]
    (folder / _TEMPORARY).write_text(temporary, encoding="utf-8")
    _run(ray_command("start", "--head", *options), settings)
    (folder / _ADDRESS).write_text(f"{host}:{ray_port}", encoding="utf-8")
    return f"{host}:{ray_port}"


def address(settings: Settings) -> str | None:
    """Of the head that was started here; None if there is none."""
    try:
        return (fleet_folder(settings) / _ADDRESS).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def processes(settings: Settings) -> list[psutil.Process]:
    """All of the fleet on this machine, this user's: nothing of another cluster.

    Some of Ray's write their title over their environment, so children count with their parents.
    """
    mark, found = str(fleet_folder(settings)), set()
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            ours = process.uids().real == os.getuid()
            if ours and process.environ().get(MARK) == mark and process.pid != os.getpid():
                found |= {process, *process.children(recursive=True)}
    return list(found)


def end_all(settings: Settings) -> int:
    """SIGTERM, then SIGKILL, until nobody is left; returns how many there were."""
    ended: set[int] = set()
    until = time.monotonic() + _LONGEST_END
    while found := processes(settings):
        if time.monotonic() > until:
            pids = ", ".join(str(process.pid) for process in found)
            raise SetupError(f"Processes of the fleet do not end, not even by SIGKILL: {pids}.")
        ended |= {process.pid for process in found}
        for process in found:
            with suppress(psutil.NoSuchProcess):
                process.terminate()
        _, left = psutil.wait_procs(found, _END_TIMEOUT)
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, _END_TIMEOUT)
    folder = fleet_folder(settings)
    if (kept := folder / _TEMPORARY).exists():
        shutil.rmtree(Path(kept.read_text(encoding="utf-8")), ignore_errors=True)
        kept.unlink()
    (folder / _ADDRESS).unlink(missing_ok=True)
    clear_those_of_the_dead(settings)
    return len(ended)


def _run(command: Sequence[str], settings: Settings) -> None:
    environment = ray_environment(settings, os.environ)
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=_START_TIMEOUT
        )
    except subprocess.TimeoutExpired:
        raise SetupError(f"Ray did not start within {_START_TIMEOUT:g} s.") from None
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise SetupError(f"Ray did not start: {' '.join(said[-3:]) or 'it said nothing.'}")


def _own_address(settings: Settings) -> str:
    """The address by which other machines reach this one, where it is not given."""
    if settings.host not in ("0.0.0.0", "::"):
        return settings.host
    import ray

    found: str = ray.util.get_node_ip_address()
    return found
