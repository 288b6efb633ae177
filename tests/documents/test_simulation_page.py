"""docs/simulation.md: its commands run, and print what it shows."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from markdown_page import Page

from greenroom.settings import PROJECT

PAGE = Page(PROJECT / "docs" / "simulation.md")


@pytest.mark.long
def test_the_example_prints_what_the_page_shows(tmp_path):
    (tmp_path / "costs.toml").write_text(PAGE.blocks("toml")[0])
    make, compare, sweep, _ = PAGE.blocks("sh")
    run(tmp_path, make)
    printed = run(tmp_path, compare)
    shown = next(block for block in PAGE.blocks("") if "always loaded" in block)
    assert printed.split() == shown.split()
    assert "knee" in run(tmp_path, sweep)
    assert (tmp_path / "numbers.json").stat().st_size
    assert (tmp_path / "sweep.svg").stat().st_size


def run(folder, script):
    script = script.replace(".venv/bin", str(Path(sys.executable).parent))
    script = script.replace("examples/", f"{PROJECT / 'examples'}/")
    shell = ["bash", "-euc", script]
    wide = os.environ | {"COLUMNS": "80"}
    return subprocess.run(
        shell, cwd=folder, env=wide, check=True, stdout=subprocess.PIPE, text=True
    ).stdout
