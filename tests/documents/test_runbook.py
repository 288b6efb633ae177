"""What docs/runbook.md says to look at and to do can be done."""

import re
import shlex

import pytest
import yaml
from command_forms import fault
from markdown_page import Page
from sentences_of_code import is_said, sentences

from greenroom.settings import PROJECT

RUNBOOK = Page(PROJECT / "docs" / "runbook.md")
_CODE = re.compile(r"`([^`]+)`")
COMMANDS = [
    " ".join(word.split()) for word in _CODE.findall(RUNBOOK.prose) if word.startswith("greenroom ")
]
SAID = " ".join(_CODE.sub("", RUNBOOK.prose).split())


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_has_the_form_that_the_program_wants(command):
    assert fault(shlex.split(command)[1:]) is None


def test_the_services_of_compose_exist():
    services = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())["services"]
    verbs = r"docker compose (?:exec|logs --since \w+|restart|run --rm) ([a-z]+)"
    named = set(re.findall(verbs, RUNBOOK.text))
    assert {"greenroom", "prometheus", "pull"} <= named <= services.keys()


def test_what_is_looked_for_in_the_log_is_said_there():
    said = sentences(PROJECT / "greenroom", PROJECT / "speech", PROJECT / "client")
    drivers = "CUDA error"
    looked_for = set(re.findall(r'"([^"]+)"', SAID)) - {drivers}
    assert len(looked_for) >= 3
    for words in looked_for:
        assert is_said(words, said), words


def test_the_panels_exist():
    board = (PROJECT / "deploy/grafana/dashboards/greenroom.json").read_text()
    panels = re.findall(r"the panel \*([^*]+)\*", SAID)
    assert len(panels) >= 3
    for panel in panels:
        assert f'"title": "{panel}"' in board
