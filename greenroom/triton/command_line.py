"""The command line of tritonserver."""

from pathlib import Path

from greenroom.settings import Settings
from greenroom.triton.config_completion import completes_configs
from greenroom.triton.endpoints import listening_options
from greenroom.triton.installation import Installation
from greenroom.triton.key import HTTP_HEADER, triton_key
from greenroom.triton.region_prefix import region_prefix

_RESTRICTED = (
    "model-repository,model-config,shared-memory,trace,logging,statistics,inference,metadata"
)
"""All of Triton's APIs but health."""


def regions_option(prefix: str) -> str:
    """Names the shared-memory regions, and with them this service."""
    return f"--backend-config=python,shm-region-prefix-name={prefix}"


def triton_command_line(
    settings: Settings, installation: Installation, backends: Path | None, traces: str | None
) -> list[str]:
    """With a URL for `traces`, only what the gateway traces is traced.

    Readiness is not strict because cold models are no fault; no response cache is configured
    because it would answer control requests.
    """
    options = [
        "--model-control-mode=explicit",
        *(f"--model-repository={folder.resolve()}" for folder in settings.repositories),
        *listening_options(settings),
        "--strict-readiness=false",
        f"--exit-timeout-secs={settings.triton_exit_timeout}",
        f"--log-verbose={settings.triton_log_verbose}",
        regions_option(region_prefix(settings)),
    ]
    if not completes_configs(settings):
        options.append("--disable-auto-complete-config")
    if not settings.triton_on_socket:
        key = f"{_RESTRICTED}:{HTTP_HEADER}={triton_key(settings)}"
        options += [f"--http-restricted-api={key}", f"--grpc-restricted-protocol={key}"]
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
