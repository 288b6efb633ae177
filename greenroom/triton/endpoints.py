"""Where Triton listens, and how the rest of the service reaches it.

By default at two unix sockets in the shared folder: of mode 0600, so that neither another user nor
a web page gets there, and no key stands on a command line. Where GREENROOM_TRITON_LISTEN or
GREENROOM_TRITON_HOST names an address, at two ports there, which want the key. Its metrics are on
a port in any case.
"""

import os
import socket
import stat
from dataclasses import dataclass
from pathlib import Path

from greenroom.addresses import seen_from_here, url
from greenroom.errors import SetupError
from greenroom.runtime_folder import shared_folder
from greenroom.settings import Settings
from greenroom.triton.region_prefix import region_prefix

_HTTP, _GRPC = "triton.http", "triton.grpc"
_PART_OF_THE_NAME = 1
"""Triton makes its gRPC port a part of the socket's name."""
_LONGEST_PATH = 107
"""Bytes of a socket's path; the system takes no more."""
_SHORT = Path("/tmp")
_SHORTEN = "Triton's sockets go there because the path of the shared folder is too long."


@dataclass(frozen=True)
class Endpoints:
    """What to connect to: a URL, through a socket if there is one, and a gRPC target."""

    http_url: str
    http_socket: Path | None
    grpc_target: str
    grpc_socket: Path | None

    def check_sockets(self) -> None:
        """Raise SetupError if the sockets are there, but not for this user."""
        for path in filter(None, (self.http_socket, self.grpc_socket)):
            if path.exists() and not os.access(path, os.W_OK):
                raise SetupError(
                    f"Triton's socket {path} belongs to another user; run both as one user, or set "
                    "GREENROOM_TRITON_LISTEN there and GREENROOM_TRITON_HOST here to an address."
                )

    def keep_others_out(self) -> None:
        """Give the sockets the mode 0600; the umask has let nobody in before."""
        for path in filter(None, (self.http_socket, self.grpc_socket)):
            path.chmod(0o600)

    def remove_sockets(self) -> None:
        """Remove what a Triton that has ended has left. Raises SetupError."""
        for path in filter(None, (self.http_socket, self.grpc_socket)):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise SetupError(f"{path} cannot be removed ({error.strerror}).") from error


def endpoints(settings: Settings) -> Endpoints:
    """Raises SetupError."""
    if not settings.triton_on_socket:
        host = seen_from_here(settings.triton_found_at)
        grpc = f"{host}:{settings.triton_grpc_port}"
        return Endpoints(url(host, settings.triton_http_port), None, grpc, None)
    http_socket, grpc_socket = _sockets(settings)
    return Endpoints("http://triton", http_socket, f"unix:{grpc_socket}", grpc_socket)


def metrics_url(settings: Settings) -> str:
    return f"{url(settings.triton_metrics_found_at, settings.triton_metrics_port)}/metrics"


def listening_options(settings: Settings) -> list[str]:
    """Options of tritonserver that say where it listens. Raises SetupError."""
    metrics = _numeric(settings.triton_metrics_listen_on, "GREENROOM_TRITON_METRICS_HOST")
    options = [f"--metrics-address={metrics}", f"--metrics-port={settings.triton_metrics_port}"]
    if settings.triton_on_socket:
        http, grpc = _sockets(settings)
        name = str(grpc).removesuffix(f":{_PART_OF_THE_NAME}")
        return [
            f"--http-address=unix:{http}",
            f"--http-port={_PART_OF_THE_NAME}",
            f"--grpc-address=unix:{name}",
            f"--grpc-port={_PART_OF_THE_NAME}",
            *options,
        ]
    host = _numeric(settings.triton_listens_on, "GREENROOM_TRITON_LISTEN")
    return [
        f"--http-address={host}",
        f"--http-port={settings.triton_http_port}",
        f"--grpc-address={host}",
        f"--grpc-port={settings.triton_grpc_port}",
        *options,
    ]


def _sockets(settings: Settings) -> tuple[Path, Path]:
    folder = shared_folder(settings).absolute()
    http, grpc = folder / _HTTP, folder / f"{_GRPC}:{_PART_OF_THE_NAME}"
    if len(os.fsencode(grpc)) > _LONGEST_PATH:
        folder = _short_folder(settings)
        http, grpc = folder / http.name, folder / grpc.name
    return http, grpc


def _short_folder(settings: Settings) -> Path:
    """This user's own, of a short name that Triton and the controller both know."""
    folder = _SHORT / region_prefix(settings).rstrip("-")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise SetupError(f"{folder} cannot be used ({error.strerror}); {_SHORTEN}") from error
    own = found.st_uid == os.geteuid() and not found.st_mode & 0o077
    if not stat.S_ISDIR(found.st_mode) or not own:
        raise SetupError(f"{folder} is not a folder of this user alone; {_SHORTEN}")
    return folder


def _numeric(host: str, setting: str) -> str:
    # Given a name, Triton's HTTP server listens nowhere and says nothing.
    try:
        return socket.gethostbyname(host)
    except OSError as error:
        raise SetupError(
            f"Triton cannot listen on {host}, which is not an IPv4 address of this machine: "
            f"{error}; "
            f"set {setting}."
        ) from error
