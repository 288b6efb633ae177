"""Spans of gateway, controller and Triton, as a collector gets them over OTLP."""

import asyncio
import os
import signal
import subprocess
import sys
import time

import pytest
from echo import echoed, grpc_inputs, http_inputs
from otlp_receiver import Receiver
from tritonclient.utils import InferenceServerException

from greenroom.settings import PROJECT, Settings
from greenroom.tracing import Traces, endpoint, traces
from greenroom_speech.voices import voice

pytestmark = pytest.mark.slow

CLIENT = "b7ad6b7169203331"
TRACES = [f"{number:032x}" for number in range(1, 5)]
TIMES = 8
"""Requests over gRPC, since Triton 2.51 overlooks the traceparent of about one in eight."""
OF_SPEECH = {
    **{
        name: Settings.model_fields[name].default
        for name in ("model_repository", "ensemble_repository")
    },
    "policy": {"asr": {"pinned": False}, "tokenizer": {"pinned": False}},
}
SENT_AFTER = "OTEL_BSP_SCHEDULE_DELAY"


def headers(trace, flags="01"):
    """Return a client's headers, always new: tritonclient adds to them."""
    return {"traceparent": f"00-{trace}-{CLIENT}-{flags}"}


@pytest.fixture
async def receiver(monkeypatch):
    async with Receiver() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        monkeypatch.setenv(SENT_AFTER, "50")
        yield receiver


async def spans_of(receiver, trace, model, **attributes):
    """Return request, wait and Triton's span of a model, as they must lie in each other."""
    triton = await receiver.span("InferRequest", trace=trace)
    infer = await receiver.span("infer", id=triton.parent)
    request = await receiver.span(model, {"model": model, **attributes}, id=infer.parent)
    wait = await receiver.span("wait", parent=request.id)
    assert {one.trace for one in (request, wait, infer)} == {trace}
    assert request.begin <= wait.begin <= wait.end <= infer.begin <= triton.begin <= infer.end
    assert infer.end <= request.end
    assert not any(one.failed for one in (request, wait, infer))
    return request, wait, await receiver.span(model, parent=triton.id)


async def test_a_clients_trace_goes_on_through_gateway_and_triton(start, receiver, gate):
    running = await start()
    gate.touch()
    not_sampled, over_http, over_grpc, over_stream = TRACES
    answer = await running.http.infer("echo", http_inputs(), headers=headers(not_sampled, "00"))
    assert echoed(answer)
    assert (await receiver.span("load echo")).links == ()

    await running.http.infer("relay", http_inputs(), headers=headers(over_http))
    cold = {"protocol": "http", "start": "cold", "outcome": "served"}
    request, wait, ensemble = await spans_of(receiver, over_http, "relay", **cold)
    assert (request.service, request.parent) == ("greenroom", CLIENT)
    for step in ("slow", "echo"):
        assert await receiver.span(step, parent=ensemble.id)
    load = await receiver.span("load slow", {"model": "slow", "action": "load"})
    assert load.attributes["reason"] == "request"
    assert load.links == (wait.id,)
    assert wait.begin <= load.begin <= load.end <= wait.end
    assert not load.parent
    assert load.trace != over_http

    for _ in range(TIMES):
        await running.grpc.infer("echo", grpc_inputs(), headers=headers(over_grpc))
    hot = {"protocol": "grpc", "start": "hot", "outcome": "served"}
    request, *_ = await spans_of(receiver, over_grpc, "echo", **hot)
    assert request.parent == CLIENT

    async def requests():
        for _ in range(TIMES):
            yield {"model_name": "echo", "inputs": grpc_inputs()}

    answers = running.grpc.stream_infer(requests(), headers=headers(over_stream))
    assert [error async for _, error in answers] == [None] * TIMES
    request, *_ = await spans_of(receiver, over_stream, "echo", **hot)
    assert request.parent == CLIENT
    assert receiver.of(not_sampled) == []


async def test_a_request_of_the_speech_api_goes_on_too(start, receiver):
    running = await start(**OF_SPEECH)
    recording = {"file": ("clara.flac", voice("clara").path.read_bytes())}
    for _ in range(TIMES):
        answer = await running.web.post(
            "/v1/audio/analyses", files=recording, headers=headers(TRACES[0])
        )
        assert answer.status_code < 300, answer.text
    request, *_ = await spans_of(receiver, TRACES[0], "tokenizer", protocol="openai")
    assert request.parent == CLIENT


async def test_what_fails_is_marked_and_all_is_told_at_the_end(start, receiver, gate, monkeypatch):
    monkeypatch.setenv(SENT_AFTER, "600000")
    running = await start()
    with pytest.raises(InferenceServerException):
        await running.grpc.infer("broken", grpc_inputs())
    asked = asyncio.create_task(running.grpc.infer("gated", grpc_inputs()))
    await running.until("gated", residency="loading")
    asked.cancel()
    gate.touch()
    await running.until("gated", residency="hot", waiting=0)
    assert (await running.act("gated", "unload")).status_code == 200
    assert receiver.spans == []
    os.kill(running.service.programs[0].pid, signal.SIGTERM)
    await running.logged("controller | ended with exit status 0")
    refused, failed = [await receiver.span(name) for name in ("broken", "load broken")]
    assert refused.attributes["outcome"] == "refused"
    assert refused.failed
    assert failed.failed
    assert failed.why in refused.why
    # Who leaves has not failed; what was begun for it goes on.
    left, load = [await receiver.span(name) for name in ("gated", "load gated")]
    assert left.attributes["outcome"] == "cancelled"
    assert load.links == ((await receiver.span("wait", parent=left.id)).id,)
    assert not left.failed
    assert not load.failed
    unload = await receiver.span("unload gated", {"reason": "manual"})
    assert (unload.links, unload.parent, left.parent) == ((), "", "")


async def test_a_collector_that_is_gone_holds_nobody_up(caplog):
    async with Receiver() as gone:
        made = traces({"OTEL_EXPORTER_OTLP_ENDPOINT": gone.url})
    with made.request("echo", "http") as span:
        span.answered("served", None)
    begin = time.monotonic()
    made.end()
    assert time.monotonic() - begin < 3
    assert not any(record.exc_info for record in caplog.records)


OFF = """
import os, sys
from greenroom.gateway.controller_process import traces
assert type(traces(os.environ)).__name__ == "Traces"
assert not [name for name in sys.modules if name.startswith("opentelemetry.sdk")]
"""


def test_without_an_endpoint_it_costs_nothing(monkeypatch):
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    subprocess.run([sys.executable, "-c", OFF], check=True, cwd=PROJECT)
    off, given = Traces(), [("traceparent", "theirs")]
    assert off.passed(given) is given
    assert off.request("echo", "http") is off.wait()


def test_without_its_packages_it_says_so(monkeypatch, caplog):
    monkeypatch.delitem(sys.modules, "greenroom.tracing.otlp", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    made = traces({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"})
    assert type(made) is Traces
    assert "pip install 'greenroom[tracing]'" in caplog.text


def test_the_endpoint_is_that_of_opentelemetry():
    base = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/"}
    assert endpoint(base) == "http://collector:4318/v1/traces"
    own = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://other/take"}
    assert endpoint(base | own) == "http://other/take"
    assert endpoint({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}) is None
