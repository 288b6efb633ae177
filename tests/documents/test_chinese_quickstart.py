"""The Chinese quick start has the commands of the README, all of them and no others."""

import re

import pytest
from markdown_page import Page, blocks_of

from greenroom.settings import PROJECT

README = Page(PROJECT / "README.md")
CHINESE = Page(PROJECT / "docs" / "zh" / "quickstart.md")
GUIDE = Page(PROJECT / "docs" / "operating.md")
QUICK_START = (
    "Two commands",
    "The first request",
    "Who may ask",
    "With Docker",
    "The production models",
)
_COMMENT = re.compile(r"\s+#.*$", re.MULTILINE)


def commands(block):
    """A block of shell without its comments, which are in the page's own language."""
    return _COMMENT.sub("", block)


SHOWN = {commands(block) for block in CHINESE.blocks("sh")}


@pytest.mark.parametrize("section", QUICK_START)
def test_every_command_of_the_quick_start_is_there_in_chinese(section):
    blocks = blocks_of(README.section(section), "sh")
    assert blocks
    for block in blocks:
        assert commands(block) in SHOWN


def test_no_command_is_there_that_the_english_pages_do_not_have():
    english = {commands(block) for page in (README, GUIDE) for block in page.blocks("sh")}
    assert english >= SHOWN
    assert set(README.blocks("python")) >= set(CHINESE.blocks("python"))


def test_the_readme_leads_to_it():
    assert "docs/zh/quickstart.md" in README.links()


def test_the_comments_are_translated():
    said = "".join(_COMMENT.findall("\n".join(CHINESE.blocks("sh"))))
    assert re.search(r"[\u4e00-\u9fff]", said)
    assert "sets up" not in said
