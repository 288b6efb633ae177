"""What the documents name exists: links, settings, commands, targets, sentences."""

import re

import pytest
from all_settings import ALL
from command_forms import fault, greenroom_calls, make_targets, targets_of_makefile
from markdown_page import Page
from sentences_of_code import is_said, sentences

from greenroom.settings import PROJECT
from greenroom_client.cli.options import ApiKey, Url

PAGES = [
    Page(PROJECT / "README.md"),
    Page(PROJECT / "client" / "README.md"),
    *(Page(path) for path in sorted((PROJECT / "docs").rglob("*.md"))),
]
OF_THE_EXAMPLE = {"GREENROOM_FILES_PORT", "GREENROOM_COUNTER_ENGINE"}
"""Settings of the plug-in that docs/plugins.md shows."""
SETTINGS = set(ALL) | {option.__metadata__[0].envvar for option in (Url, ApiKey)} | OF_THE_EXAMPLE
_SETTING = re.compile(r"\bGREENROOM_[A-Z_]*[A-Z]\b")

every_page = pytest.mark.parametrize(
    "page", PAGES, ids=lambda page: str(page.path.relative_to(PROJECT))
)


@every_page
def test_every_link_leads_somewhere(page):
    for link in page.links():
        path, _, anchor = link.partition("#")
        to = Page((page.path.parent / path).resolve()) if path else page
        assert to.path.exists(), link
        assert not anchor or anchor in to.anchors(), link


@every_page
def test_every_setting_that_is_named_exists(page):
    assert set(_SETTING.findall(page.text)) <= SETTINGS


@every_page
def test_every_command_has_the_form_that_its_program_wants(page):
    shell = "\n".join(page.blocks("sh", ""))
    for words in greenroom_calls(shell):
        assert fault(words) is None, words
    targets = {*make_targets(shell), *(t for word in page.words() for t in make_targets(word))}
    assert targets <= targets_of_makefile()


def test_a_wrong_command_is_found():
    for words in (
        ["fetch"],
        ["pull", "everything"],
        ["doctor", "--model", "x"],
        ["voices", "burn"],
    ):
        assert fault(words), words
    assert list(greenroom_calls("PATH=x .venv/bin/greenroom up # now\n(greenroom load tts)")) == [
        ["up"],
        ["load", "tts)"],
    ]


def test_every_message_of_the_guide_is_one_that_the_code_says():
    said = sentences(PROJECT / "greenroom", PROJECT / "speech", PROJECT / "client")
    guide = Page(PROJECT / "docs" / "operating.md").section("When something goes wrong")
    messages = [
        message
        for row in re.findall(r"^\| (`.+?) \|", guide, re.MULTILINE)
        for message in re.findall(r"`([^`]+)`", row)
    ]
    assert len(messages) > 30
    for message in messages:
        assert is_said(message, said), message


def test_a_message_that_nobody_says_is_found():
    said = {"Port … on … …; set … to another one.", "is taken by …"}
    assert is_said("Port … on … …; set", said)
    assert not is_said("is taken away by …", said)
    assert not is_said("…", said)
