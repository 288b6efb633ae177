"""The workflow is one of GitHub's; it runs .ci/run and publishes what make dist makes."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from greenroom.settings import PROJECT

(WORKFLOW,) = (PROJECT / ".github" / "workflows").glob("*.yml")


def checked(file):
    checker = Path(sys.executable).with_name("check-jsonschema")
    command = [checker, "--builtin-schema", "vendor.github-workflows", file]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_it_is_what_github_reads():
    done = checked(WORKFLOW)
    assert done.returncode == 0, done.stdout


def test_what_github_does_not_know_is_found(tmp_path):
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(WORKFLOW.read_text().replace("runs-on:", "runs-at:"))
    assert checked(wrong).returncode == 1


@pytest.mark.parametrize("job", ["check", "publish"])
def test_what_it_runs_is_there(job):
    steps = yaml.safe_load(WORKFLOW.read_text())["jobs"][job]["steps"]
    commands = [step["run"] for step in steps if "run" in step]
    assert (
        commands
        == {
            "check": [".ci/run"],
            "publish": [
                'test "v$(scripts/version)" = "$GITHUB_REF_NAME"',
                "make dist ARGS=--install",
            ],
        }[job]
    )
    assert all((PROJECT / path).is_file() for path in (".ci/run", "scripts/version", "Makefile"))


def test_it_publishes_without_a_secret():
    jobs = yaml.safe_load(WORKFLOW.read_text())["jobs"]
    assert jobs["publish"]["permissions"]["id-token"] == "write"
    assert jobs["publish"]["needs"] == "check"
    assert "secrets." not in WORKFLOW.read_text()
