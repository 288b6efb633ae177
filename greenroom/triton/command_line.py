"""The command line of tritonserver."""

import socket
from pathlib import Path

from greenroom.errors import SetupError
from greenroom.settings import Settings
from greenroom.triton.config_completion import completes_configs
from greenroom.triton.installation import Installation
from greenroom.triton.key import HTTP_HEADER, triton_key
from greenroom.triton.region_prefix import region_prefix


def regions_option(prefix: str) -> str:
    """Return the option that names the shared-memory regions, and with them this service."""
    return f"--backend-config=python,shm-region-prefix-name={prefix}"


def triton_command_line(
    settings: Settings, installation: Installation, backends: Path | None, traces: str | None
) -> list[str]:
    """Return how tritonserver is started.

    Readiness is not strict because cold models are no fault; no response cache is configured
    because it would answer control requests. With a URL for `traces`, only what the gateway traces
    is traced.
    """
    host = _numeric(settings.triton_listens_on)
    key = f"model-repository:{HTTP_HEADER}={triton_key(settings)}"
    options = [
        "--model-control-mode=explicit",
        *(f"--model-repository={folder.resolve()}" for folder in settings.repositories),
        f"--http-address={host}",
        f"--http-port={settings.triton_http_port}",
        f"--grpc-address={host}",
        f"--grpc-port={settings.triton_grpc_port}",
        f"--metrics-address={host}",
        f"--metrics-port={settings.triton_metrics_port}",
        f"--http-restricted-api={key}",
        f"--grpc-restricted-protocol={key}",
        "--strict-readiness=false",
        f"--exit-timeout-secs={settings.triton_exit_timeout}",
        f"--log-verbose={settings.triton_log_verbose}",
        regions_option(region_prefix(settings)),
    ]
    if not completes_configs(settings):
        options.append("--disable-auto-complete-config")
    if backends:
        options.append(f"--backend-directory={backends}")
    if traces:
        options += [
            "--trace-config=mode=opentelemetry",
            f"--trace-config=opentelemetry,url={traces}",
            "--trace-config=level=TIMESTAMPS",
            "--trace-config=rate=0",
        ]
    return [str(installation.binary), *options]


def _numeric(host: str) -> str:
    # Given a name, Triton's HTTP server listens nowhere and says nothing.
    try:
        return socket.gethostbyname(host)
    except OSError as error:
        raise SetupError(
            f"Triton is to listen on {host}, which is no IPv4 address of this machine: {error}; "
            "set GREENROOM_TRITON_LISTEN."
        ) from error
