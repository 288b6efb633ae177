"""The shipped Prometheus files, shortened, over the running service."""

import asyncio
import json

import httpx
import pytest
from monitored_service import COLD
from programs import DASHBOARD
from shortened_rules import shortened_query
from test_prometheus_files import rules

pytestmark = pytest.mark.asyncio(loop_scope="module")

VARIABLES = {"$model": ".+", "$__rate_interval": "4s"}
PANELS = [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if "targets" in panel]


@pytest.mark.parametrize("rule", [rule["record"] for rule in rules("rules.yml")])
async def test_each_rule_yields_data(monitored, rule):
    await monitored.shown(f"{rule} >= 0")


@pytest.mark.parametrize("panel", PANELS, ids=[panel["title"] for panel in PANELS])
async def test_each_query_of_the_dashboard_yields_data(monitored, panel):
    for target in panel["targets"]:
        query = shortened_query(target["expr"])
        for name, value in VARIABLES.items():
            query = query.replace(name, value)
        await monitored.shown(query)


async def test_prometheus_shows_the_gateway_its_key(monitored):
    targets = (await monitored.prometheus.get("targets"))["activeTargets"]
    (gateway,) = (each for each in targets if each["labels"]["job"] == "greenroom")
    assert (gateway["health"], gateway["lastError"]) == ("up", "")
    async with httpx.AsyncClient() as nobody:
        assert (await nobody.get(gateway["scrapeUrl"])).status_code == 401


async def test_the_model_variable_offers_every_model(monitored):
    found = await monitored.prometheus.get(
        "label/model/values", **{"match[]": "greenroom_requests_total"}
    )
    assert found == ["asr", "fickle", "speech", "tokenizer", "tts"]


async def test_nothing_fires_in_a_steady_run(monitored):
    query = 'ALERTS{alertstate="firing"}'
    assert not await monitored.prometheus.between(
        query, monitored.steady_from, monitored.steady_until
    )


async def test_a_cold_models_series_of_triton_are_missing_and_its_rules_are_not(monitored):
    assert await monitored.prometheus.between(COLD, monitored.steady_from, monitored.steady_until)


async def test_a_killed_process_is_told_of_and_one_that_is_killed_again_too(monitored):
    for killed in range(3):
        assert (await monitored.serving.echo()).status_code == 200  # in use, it is replaced at once
        monitored.running.lines.clear()
        monitored.serving.process("fickle").kill()
        await monitored.running.logged("load fickle (heal): cold -> hot")
        if not killed:
            await monitored.firing("GreenroomModelProcessDied", "fickle")
    await monitored.firing("GreenroomModelKeepsDying", "fickle")


async def test_a_killed_process_that_can_not_be_replaced_is_an_alarm(monitored):
    refuses = monitored.serving.models / "refuses"
    assert (await monitored.serving.echo()).status_code == 200
    refuses.touch()
    try:
        monitored.serving.process("fickle").kill()
        answers = await asyncio.gather(*(monitored.serving.echo() for _ in range(4)))
        assert {answer.status_code for answer in answers} == {503}
        # Side by side: the refusals are seen for a window's length only.
        _, refused = await asyncio.gather(
            monitored.firing("GreenroomModelFailing", "fickle"),
            monitored.firing("GreenroomRequestsRefused", "fickle"),
        )
        assert (refused["reason"], refused["severity"]) == ("transition_failed", "warning")
    finally:
        refuses.unlink()
    assert (await monitored.serving.echo()).status_code == 200
    await monitored.prometheus.until(
        'absent(ALERTS{alertname="GreenroomModelFailing", alertstate="firing"})'
    )
