"""The dashboard's form, without Grafana: what its loader needs, and what a reader does."""

import json
import re
from itertools import combinations

import yaml
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard
from programs import DASHBOARD, DEPLOY

from greenroom.settings import PROJECT

BOARD = json.loads(DASHBOARD.read_text())
PANELS = BOARD["panels"]
CHARTS = [panel for panel in PANELS if panel["type"] != "row"]
BESIDE_THE_SCHEMA = {"titleFormat", "textFormat", "step", "definition"}
"""What Prometheus' plugin reads of an annotation, and Grafana writes beside a variable's query."""


def test_grafanas_schema_knows_each_field():
    """What it does not know is lost on the way through it."""
    plugins.register_default_plugins()
    passed = json.loads(JSONEncoder().encode(Dashboard.from_json(BOARD)))

    def lost(here, there, path):
        if isinstance(here, dict):
            for key in here.keys() - BESIDE_THE_SCHEMA:
                if key in there:
                    yield from lost(here[key], there[key], [*path, key])
                else:
                    yield [*path, key]
        elif isinstance(here, list):
            for number, pair in enumerate(zip(here, there, strict=True)):
                yield from lost(*pair, [*path, number])
        elif here != there:
            yield path

    assert list(lost(BOARD, passed, [])) == []


def test_what_grafana_reads_is_there():
    assert BOARD["uid"] == "greenroom"
    assert BOARD["schemaVersion"] >= 39
    assert [variable["name"] for variable in BOARD["templating"]["list"]] == ["datasource", "model"]
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    for panel in CHARTS:
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references) > 0
        for one in (panel, *panel["targets"]):
            assert one["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_no_panel_lies_on_another_or_beyond_the_edge():
    def cells(panel):
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        rows, columns = range(at["y"], at["y"] + at["h"]), range(at["x"], at["x"] + at["w"])
        return {(row, column) for row in rows for column in columns}

    for one, other in combinations(PANELS, 2):
        assert not cells(one) & cells(other), (one["title"], other["title"])


def test_each_panel_says_what_it_shows_and_in_which_unit():
    for panel in CHARTS:
        assert panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
    titles = [panel["title"] for panel in PANELS]
    assert len(set(titles)) == len(titles)


def test_only_variables_that_exist_are_used():
    known = {"datasource", "model", "__rate_interval", "__all"}
    assert set(re.findall(r"\$\{?(\w+)", json.dumps(PANELS))) <= known


def test_the_states_have_the_colours_of_the_web_page():
    look = (PROJECT / "speech/greenroom_speech/ui/look.css").read_text()
    dark = re.search(r"\.dark \{(.*?)\}", look)[1]
    colours = dict(re.findall(r"--(\w+): (#\w+);", dark))
    (stage,) = (panel for panel in PANELS if panel["type"] == "state-timeline")
    shown = stage["fieldConfig"]["defaults"]["mappings"][0]["options"].values()
    for state in shown:
        moving = state["text"] not in ("cold", "warm", "hot")
        assert state["color"] == colours["moving" if moving else state["text"]]


def test_it_is_provisioned():
    folder = DEPLOY / "grafana" / "provisioning"
    (source,) = yaml.safe_load((folder / "datasources/prometheus.yml").read_text())["datasources"]
    config = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())
    assert source["type"] == "prometheus"
    assert source["jsonData"]["timeInterval"] == config["global"]["scrape_interval"]
    (provider,) = yaml.safe_load((folder / "dashboards/greenroom.yml").read_text())["providers"]
    assert provider["type"] == "file"
