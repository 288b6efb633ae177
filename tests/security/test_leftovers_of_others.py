"""A service whose region.prefix a power cut has emptied ends nothing of anybody else."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from greenroom.settings.exported import child_environment

HERE = Path(__file__).parent
APART = ("unshare", "--pid", "--mount", "--fork", "--mount-proc", "--kill-child")
OWN_MEMORY = 'mount -t tmpfs none /dev/shm && exec "$@"'


def test_a_start_without_a_prefix_leaves_others_alone(free_settings):
    inside = [*APART, "sh", "-c", OWN_MEMORY, "sh"]
    if not shutil.which("unshare") or subprocess.run([*inside, "true"], check=False).returncode:
        pytest.skip("namespaces of its own for processes and mounts need more rights")
    command = [*inside, sys.executable, HERE / "leftovers_of_others.py"]
    environment = child_environment(free_settings(), os.environ)
    said = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert said.stdout.splitlines() == ["others 5 of 5", "regions 4 of 4", "own 0"], said.stderr
