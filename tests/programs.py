"""The real Prometheus: the set-up fetches it where it can."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from greenroom.settings import PROJECT

DEPLOY = PROJECT / "deploy"
RULES = DEPLOY / "prometheus"
DASHBOARD = DEPLOY / "grafana" / "dashboards" / "greenroom.json"


def program(name: str) -> str:
    """Return the path of prometheus or promtool; skips the test without."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        pytest.skip(f"needs {name}, from Debian's package prometheus")
    return found


def promtool(*arguments: str | Path, given: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run promtool and return how it ended, with what it said."""
    return subprocess.run(
        [program("promtool"), *map(str, arguments)],
        input=given,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
