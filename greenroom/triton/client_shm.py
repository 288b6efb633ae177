"""Newer Tritons take no shared memory from clients unless they are told to by an option."""

import subprocess
from collections.abc import Mapping

from greenroom.settings import Settings
from greenroom.triton.installation import Installation

_OPTION = "--allow-client-shm"
_LONGEST_HELP = 30.0


def client_shm_options(
    settings: Settings, installation: Installation, environment: Mapping[str, str]
) -> list[str]:
    """Lets clients register shared memory, where Triton has and needs an option for it."""
    if not settings.shared_memory:
        return []
    asked = subprocess.run(
        [installation.binary, "--help"],
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=_LONGEST_HELP,
        check=False,
    )
    return [f"{_OPTION}=true"] if _OPTION.encode() in asked.stdout else []
