"""What plug-ins add to the doctor, by entry points of the group ``greenroom.checks``."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from greenroom.installed import installed
from greenroom.settings import Settings
from greenroom.supervisor.check_result import CheckResult

GROUP = "greenroom.checks"


class PluginChecks(Protocol):
    """What an entry point of the group names."""

    def machine(self, settings: Settings) -> Iterable[CheckResult]:
        """Look at what the plug-in needs on this machine."""


@runtime_checkable
class CheckpointChecks(Protocol):
    """What it may have beside that."""

    def checkpoints(self, folder: Path, hashes: bool) -> Mapping[str, Sequence[CheckResult]]:
        """Look at the weights in a folder; the results by the name of their table."""


def plugin_checks() -> list[PluginChecks]:
    return installed(GROUP)
