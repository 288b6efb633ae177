"""Both endpoints as Prometheus meets them: valid, quick, bounded, and looking changes nothing."""

import re
import statistics
import time
from collections import Counter

import pytest
from programs import promtool
from prometheus_client.parser import text_string_to_metric_families

from greenroom.settings import PROJECT

pytestmark = pytest.mark.asyncio(loop_scope="module")

TRITONS_OWN_NAMES = {
    "nv_inference_compute_infer_duration_us",
    "nv_inference_compute_input_duration_us",
    "nv_inference_compute_output_duration_us",
    "nv_inference_count",
    "nv_inference_exec_count",
    "nv_inference_pending_request_count",
    "nv_inference_queue_duration_us",
    "nv_inference_request_duration_us",
    "nv_inference_request_failure",
    "nv_inference_request_success",
}
"""What promtool finds fault with; the names are Triton's."""


async def gateways(serving):
    return (await serving.web.get("/metrics")).text


async def tritons(serving):
    port = serving.running.settings.triton_metrics_port
    return (await serving.web.get(f"http://127.0.0.1:{port}/metrics")).text


async def test_promtool_has_no_complaint_about_the_gateways(serving):
    checked = promtool("check", "metrics", given=await gateways(serving))
    assert (checked.returncode, checked.stdout) == (0, "")


async def test_promtool_complains_of_tritons_own_names_only(serving):
    checked = promtool("check", "metrics", given=await tritons(serving))
    assert {line.split()[0] for line in checked.stdout.splitlines()} == TRITONS_OWN_NAMES


@pytest.mark.long  # on a machine of its own: others' work is in these seconds
@pytest.mark.parametrize("endpoint", [gateways, tritons])
async def test_a_scrape_takes_under_50_ms(serving, endpoint):
    seconds = []
    for _ in range(15):
        begun = time.perf_counter()
        await endpoint(serving)
        seconds.append(time.perf_counter() - begun)
    assert statistics.median(seconds) < 0.05


async def test_a_scrape_wakes_nothing_and_ends_no_idleness(serving):
    assert (await serving.running.act("tts", "touch")).status_code == 200
    before = await serving.running.until("tts", residency="warm")
    for _ in range(10):
        await gateways(serving)
        await tritons(serving)
    after = await serving.running.residency("tts")
    assert after["residency"] == "warm"
    assert after["idle_seconds"] > before["idle_seconds"]
    assert after["last_transition"] == before["last_transition"]


async def test_there_are_as_many_series_as_the_page_says(serving):
    series = Counter(
        sample.labels.get("model")
        for family in text_string_to_metric_families(await gateways(serving))
        for sample in family.samples
    )
    page = (PROJECT / "docs/monitoring.md").read_text()
    said = re.search(
        r"series: (\d+) for each .*?, (\d+) .*?, (\d+) .*?,\s+and (\d+) beside .*?; (\d+) more",
        page,
        re.DOTALL,
    )
    assert said, "the page has the numbers"
    controllable, other, ensemble, beside, streams = map(int, said.groups())
    models = {"asr": controllable, "tokenizer": controllable, "tts": controllable + streams}
    assert dict(series) == models | {"fickle": other, "speech": ensemble + streams, None: beside}


async def test_every_metric_has_its_row_on_the_page(serving):
    page = (PROJECT / "docs/monitoring.md").read_text()
    for family in text_string_to_metric_families(await gateways(serving)):
        name = family.name + ("_total" if family.type == "counter" else "")
        ends = [name[i:] for i in range(len(name)) if i == 0 or name[i] == "_"]
        if name.startswith("greenroom_"):
            assert any(f"`{end}`" in page for end in ends), name
