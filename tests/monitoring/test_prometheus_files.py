"""The shipped configuration, rules and alerts, as promtool sees them."""

import re

import pytest
import yaml
from programs import RULES, promtool

from greenroom.settings import PROJECT

pytestmark = pytest.mark.slow

UNIT_TESTS = PROJECT / "tests" / "monitoring"


def rules(file):
    groups = yaml.safe_load((RULES / file).read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


ALERTS = {rule["alert"]: rule for rule in rules("alerts.yml")}


def test_promtool_finds_no_fault():
    # The key's file is there only where Prometheus runs.
    checked = promtool("check", "config", "--syntax-only", RULES / "prometheus.yml")
    assert checked.returncode == 0, checked.stdout
    checked = promtool("check", "rules", "--lint-fatal", RULES / "rules.yml", RULES / "alerts.yml")
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("file", ["alerts.yml", "quiet.yml", "recording.yml"])
def test_the_rules_say_what_they_should(file):
    tested = promtool("test", "rules", UNIT_TESTS / file)
    assert tested.returncode == 0, tested.stdout


@pytest.mark.parametrize("alert", ALERTS)
def test_each_alert_is_seen_firing_and_silent(alert):
    tests = yaml.safe_load((UNIT_TESTS / "alerts.yml").read_text())["tests"]
    asked = [
        asked
        for test in tests
        for asked in test["promql_expr_test"]
        if f'"{alert}"' in asked["expr"]
    ]
    assert any(asked.get("exp_samples") for asked in asked)
    assert any(not asked.get("exp_samples") for asked in asked)


@pytest.mark.parametrize("alert", ALERTS)
def test_each_alert_says_how_bad_it_is_and_what_to_do(alert):
    rule = ALERTS[alert]
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook"}
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    sections = (PROJECT / page).read_text().split("\n## ")
    titled = {section.partition("\n")[0].lower(): section for section in sections}
    assert anchor == alert.lower()
    assert re.search(r"\*\*Means\*\*", titled[anchor])
    overview = (PROJECT / "docs/monitoring.md").read_text()
    assert f"| [{alert}](runbook.md#{anchor}) | {rule['labels']['severity']} |" in overview


def test_each_rule_is_in_the_table():
    page = (PROJECT / "docs/monitoring.md").read_text()
    for rule in rules("rules.yml"):
        stem, _, window = rule["record"].rpartition(":")
        assert rule["record"] in page or (stem in page and f":{window}`" in page)
