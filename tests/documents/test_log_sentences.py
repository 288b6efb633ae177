"""Every sentence that the log can say at WARNING or above has its line in docs/runbook.md."""

import ast
import re
from collections.abc import Iterator
from functools import cache

from markdown_page import Page

from greenroom.settings import PROJECT

SECTION = Page(PROJECT / "docs" / "runbook.md").section("Sentences of the log")
TOLD = set(re.findall(r"^\| `([^`]+)` \|", SECTION, re.MULTILINE))
ALARMING = {"warning", "error", "exception", "critical"}
FILLED = re.compile(r"%[-+0-9.]*[a-z]")
OF_OTHERS = {
    "greenroom/gateway/controller_process.py: %s",
    "greenroom/gateway/server.py: warning",
    "greenroom/triton/repository.py: %s",
}
"""What hands on a sentence of elsewhere: of a failed start, of keys, of a config that is wrong."""
OF_SUPERVISOR = {
    "ended with exit status …; restarting in … s",
    "has not answered for … s; restarting in … s",
    "is being restarted: …; restarting in … s",
    "not ready yet: …",
    "… more lines like this in … s: …",
}
"""Which has no levels."""


@cache
def alarms() -> frozenset[tuple[str, str]]:
    """Return each file with the texts, or the variables, that it logs."""
    return frozenset(_alarms())


def _alarms() -> Iterator[tuple[str, str]]:
    for folder in (PROJECT / "greenroom", PROJECT / "speech" / "greenroom_speech"):
        for path in folder.rglob("*.py"):
            file = str(path.relative_to(PROJECT)).removeprefix("speech/")
            for call in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(call, ast.Call) and _alarming(call.func):
                    yield file, _text(call.args[0])


def _alarming(called: ast.expr) -> bool:
    return (
        isinstance(called, ast.Attribute)
        and called.attr in ALARMING
        and isinstance(called.value, ast.Name)
        and called.value.id == "logger"
    )


def _text(given: ast.expr) -> str:
    return given.value if isinstance(given, ast.Constant) else ast.unparse(given)


def test_every_alarming_sentence_is_explained():
    found = [one for one in alarms() if ": ".join(one) not in OF_OTHERS]
    assert len(found) > 20
    said = {FILLED.sub("…", text) for _, text in found} | OF_SUPERVISOR
    assert {"unexplained": said - TOLD, "never said": TOLD - said} == {
        "unexplained": set(),
        "never said": set(),
    }


def test_what_is_handed_on_is_still_so():
    assert {": ".join(one) for one in alarms()} >= OF_OTHERS


def test_each_sentence_says_what_to_do():
    rows = [line for line in SECTION.splitlines() if line.startswith("| `")]
    assert len(rows) == len(TOLD)
    assert all(len(cell.strip()) > 10 for row in rows for cell in row.strip("|").split(" | ")[1:])
