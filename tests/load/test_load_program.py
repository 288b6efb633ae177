"""The load test tests: its report against the gateway's own counters, its limits, its end."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest
import pytest_asyncio
from load_shapes import SHAPES
from own_ports import own_ports
from prometheus_client.parser import text_string_to_metric_families
from running import Running

from greenroom.settings import PROJECT, Settings

pytestmark = pytest.mark.long
LOAD = Path(__file__).parent


async def started(*arguments):
    return await asyncio.create_subprocess_exec(
        *(sys.executable, str(LOAD), *map(str, arguments)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={name: value for name, value in os.environ.items() if name not in ("SHAPE", "HOST")},
    )


async def load(*arguments):
    """Run the program to its end; return its exit status and what it said."""
    program = await started(*arguments)
    said = (await program.communicate())[0].decode()
    print(said)
    return program.returncode, said


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def serving(tmp_path_factory):
    folder = tmp_path_factory.mktemp("load")
    settings = Settings(**own_ports(), runtime_dir=folder / "runtime", triton_exit_timeout=2)
    async with Running(settings) as running:
        yield running


def at(running):
    return (
        *("--host", running.service.url),
        *("--grpc", f"127.0.0.1:{running.settings.grpc_port}"),
    )


async def total(running, name, **labels):
    """Return the sum of a metric's samples that carry these labels."""
    text = (await running.web.get("/metrics")).text
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


@pytest.mark.asyncio(loop_scope="module")
async def test_a_burst_on_a_cold_model_loads_it_once_and_reports_what_the_gateway_counts(
    serving, tmp_path
):
    loads = {"model": "tts", "action": "load"}
    before = await total(serving, "greenroom_transitions_total", **loads)
    served = await total(serving, "greenroom_requests_total", outcome="served")
    file = tmp_path / "report.json"
    status, said = await load("burst", "--users", 12, "--report", file, *at(serving))
    assert status == 0, said
    report = json.loads(file.read_text())
    assert (report["requests"], report["failures"], report["passed"]) == (12, 0, True)
    asked = {name: door["requests"] for name, door in report["doors"].items()}
    assert asked == {"KServe HTTP speech": 4, "KServe gRPC speech": 4, "POST /v1/audio/speech": 4}
    assert await total(serving, "greenroom_requests_total", outcome="served") == served + 12
    assert await total(serving, "greenroom_transitions_total", **loads) == before + 1
    assert report["transitions"]["tts"]["load"] == 1
    assert report["starts"]["cold"]["requests"] == 12
    assert report["audio_seconds"] > 12 * 0.3
    assert 0 < report["real_time_factor"] < 5
    assert report["p50"] <= report["p95"] <= report["p99"]


@pytest.mark.asyncio(loop_scope="module")
async def test_a_limit_that_is_not_kept_is_told_and_ends_it_with_1(serving):
    status, said = await load("steady", "--seconds", 2, "--limit", "p95=0.001", *at(serving))
    assert status == 1
    assert "limit failures 0, at most 0: kept" in said
    assert "at most 0.001: NOT kept" in said


@pytest.mark.asyncio(loop_scope="module")
async def test_who_listens_tells_when_the_first_sound_came(serving, tmp_path):
    file = tmp_path / "report.json"
    given = ("--users", 2, "--seconds", 3, "--limit", "first=60", "--report", file)
    status, said = await load("streams", *given, *at(serving))
    assert status == 0, said
    report = json.loads(file.read_text())
    assert list(report["doors"]) == ["POST /v1/audio/speech"]
    assert 0 < report["first_sound"]["p50"] < report["p50"]
    assert "first sound" in said


@pytest.mark.asyncio(loop_scope="module")
async def test_the_idle_gap_puts_the_policy_back(serving):
    before = (await serving.residency("tts"))["policy"]
    program = await started("idle-gap", *at(serving))
    await serving.until("tts", policy=before | {"offload_after": 0.5, "unload_after": 5.0})
    program.send_signal(signal.SIGINT)
    said = (await program.communicate())[0].decode()
    assert program.returncode == 130, said
    assert (await serving.residency("tts"))["policy"] == before


@pytest.mark.asyncio(loop_scope="module")
async def test_a_service_without_the_models_of_a_shape_is_told(serving):
    status, said = await load("thrash", *at(serving))
    assert status == 1
    assert "The run cannot begin: shape thrash asks for a model 'a', which this" in said


async def test_an_address_where_nobody_answers_is_told(unused_tcp_port):
    status, said = await load("steady", "--host", f"http://127.0.0.1:{unused_tcp_port}")
    assert status == 1
    assert "No load test: GET http://127.0.0.1" in said
    assert "Traceback" not in said


async def test_help_lists_the_shapes_and_a_wrong_limit_is_told():
    status, said = await load("--help")
    assert status == 0
    assert all(f"\n  {shape} " in said for shape in SHAPES)
    status, said = await load("steady", "--limit", "p96=3", "--host", "http://127.0.0.1:9")
    assert status == 2
    assert "limit 'p96' is unknown; there are cold, failures, first, loads, p95, warm." in said


def test_the_page_of_benchmarks_says_what_the_shapes_are():
    page = (PROJECT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    for name, shape in SHAPES.items():
        limits = ", ".join(f"{limit} {bound:g}" for limit, bound in shape.limits.items())
        row = f"| `{name}` | {shape.about} | {shape.users} | {shape.seconds:g} | {limits} |"
        assert row in page


@pytest.mark.timeout(600)
async def test_two_hundred_at_once_on_a_cold_stack(tmp_path):
    file = tmp_path / "report.json"
    status, said = await load("burst", "--report", file)
    assert status == 0, said
    report = json.loads(file.read_text())
    assert (report["requests"], report["failures"]) == (200, 0)
    assert report["transitions"]["tts"]["load"] == 1


@pytest.mark.timeout(300)
async def test_three_models_against_a_budget_for_two(tmp_path):
    status, said = await load("thrash", "--seconds", 20)
    assert status == 0, said
    assert not [each for each in psutil.process_iter(["cmdline"]) if _of_load(each)]


def _of_load(process):
    return any("greenroom-load-" in word for word in process.info["cmdline"] or ())
