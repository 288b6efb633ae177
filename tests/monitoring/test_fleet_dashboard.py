"""The fleet's dashboard: what Grafana's loader keeps of it, and that its series exist."""

import json
import re

from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard
from programs import DASHBOARD

from greenroom.controller.metrics import Metrics
from greenroom.settings import PROJECT

BOARD = json.loads(DASHBOARD.with_name("fleet.json").read_text())
ROUTER = (PROJECT / "greenroom" / "fleet" / "router.py").read_text()


def test_grafana_keeps_its_panels():
    plugins.register_default_plugins()
    passed = json.loads(JSONEncoder().encode(Dashboard.from_json(BOARD)))
    assert [(p["id"], p["title"], p["gridPos"], p["targets"]) for p in passed["panels"]] == [
        (p["id"], p["title"], p["gridPos"], p["targets"]) for p in BOARD["panels"]
    ]


def test_every_series_is_one_that_a_replica_or_a_router_has():
    known = {metric.name for metric in Metrics().registry.collect()}
    queries = " ".join(one["expr"] for panel in BOARD["panels"] for one in panel["targets"])
    for name in set(re.findall(r"\b(?:ray_)?greenroom_\w+", queries)):
        plain = name.removesuffix("_total")
        assert plain in known or f'"{plain.removeprefix("ray_")}"' in ROUTER, name
