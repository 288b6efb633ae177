"""The files that the architecture page sends a reader to are there."""

import re

from markdown_page import Page

from greenroom.settings import PROJECT

ROOTS = (PROJECT, PROJECT / "greenroom", PROJECT / "speech" / "greenroom_speech")


def test_every_file_of_the_table_exists():
    table = Page(PROJECT / "docs" / "architecture.md").section("Where to look")
    paths = re.findall(r"`(\w+/[\w/.]*)`", table)
    assert len(paths) > 20
    for path in paths:
        assert any((root / path).exists() for root in ROOTS), path


def test_every_folder_and_file_of_the_contributors_page_exists():
    text = (PROJECT / "CONTRIBUTING.md").read_text()
    roots = "greenroom|speech|client|tests|docs|examples|model_repository|ensemble|scripts"
    paths = set(re.findall(rf"`((?:{roots})/[\w/.-]*)`", text))
    assert len(paths) > 20
    for path in paths - {
        "speech/greenroom_speech/engines/mine/tts.py",
        "tests/speech/engines/mine/",
    }:
        assert (PROJECT / path).exists(), path
