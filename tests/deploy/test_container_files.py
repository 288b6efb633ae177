"""The container files: linted, pinned, and made of files that are there."""

import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest
from all_settings import ALL

from greenroom.settings import PROJECT

FILES = sorted((PROJECT / "deploy").glob("*/Dockerfile"))
EACH = pytest.mark.parametrize("file", FILES, ids=[file.parent.name for file in FILES])
BASE = re.compile(r"^FROM (\S+)", re.MULTILINE)
COPIED = re.compile(r"^COPY (?!--from)(.+) \S+$", re.MULTILINE)


@EACH
def test_the_linter_has_nothing_to_say(file):
    linter = Path(sys.executable).with_name("hadolint")
    linted = subprocess.run([linter, file], capture_output=True, text=True, check=False)
    assert (linted.returncode, linted.stdout) == (0, "")


@EACH
def test_bases_are_pinned_to_a_release(file):
    bases = BASE.findall(file.read_text())
    assert len(bases) == 3
    assert all(re.search(r":\d+\.\d+", base) for base in bases if base != "dependencies")


@EACH
def test_it_does_not_run_as_root(file):
    assert re.findall(r"^USER (\S+)$", file.read_text(), re.MULTILINE) == ["1000:1000"]


@EACH
def test_what_is_copied_is_there_and_reaches_the_builder(file):
    allowed = [
        line[1:] for line in (PROJECT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    ]
    for source in " ".join(COPIED.findall(file.read_text())).split():
        assert (PROJECT / source).exists()
        assert any(fnmatch(source.split("/")[0], pattern) for pattern in allowed), source


@EACH
def test_the_settings_in_it_are_settings(file):
    named = set(re.findall(r"\bGREENROOM_(\w+)=", file.read_text()))
    assert {f"GREENROOM_{name}" for name in named} <= set(ALL)
