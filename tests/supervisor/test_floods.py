"""What keeps a flood of lines small, and the limit of open files from causing one."""

import resource
import subprocess
import sys

import pytest

from greenroom.supervisor import folded_lines
from greenroom.supervisor.child import Child
from greenroom.supervisor.folded_lines import FoldedLines


async def test_lines_that_differ_in_numbers_only_are_folded(monkeypatch, wait_for):
    monkeypatch.setattr(folded_lines, "_PERIOD", 0.2)
    said: list[str] = []
    lines = FoldedLines(said.append)
    for number in range(250):
        lines.add(f"{number} accept4 of 0x7f{number:02x}: too many open files")
        lines.add("once in a while" if number == 7 else f"{number} and more")
    assert len(said) == 201
    await wait_for(lambda: len(said) == 203)
    assert said[201] == "150 more lines like this in 0.2 s: # accept# of #: too many open files"
    lines.add("8 and more")
    assert said[203] == "8 and more"


async def test_a_line_of_a_megabyte_is_cut():
    said: list[str] = []
    lines = FoldedLines(said.append)
    lines.add("a" * 2**20)
    assert said == ["a" * 4000 + "... (1048576 characters)"]
    lines.close()


@pytest.mark.slow
async def test_a_child_that_floods_leaves_few_lines():
    said: list[str] = []
    flood = ("-c", "for n in range(5000): print(n, 'no file left')")
    child = Child("flood", [sys.executable, *flood], {}, log=lambda name, line: said.append(line))
    await child.start()
    await child.wait()
    assert "4900 more lines like this" in await child.last_words()
    assert len(said) == 101


@pytest.mark.slow
@pytest.mark.parametrize(
    ("soft", "hard", "expected"),
    [(64, 4096, "4096"), (64, 1000, "The limit of open files is 1000; Greenroom needs 1024.")],
)
def test_the_limit_of_open_files_is_raised_or_refused(soft, hard, expected):
    raised = "from greenroom.supervisor.open_files import raise_limit; print(raise_limit())"
    answer = subprocess.run(
        [sys.executable, "-c", raised],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert expected in answer.stdout + answer.stderr
