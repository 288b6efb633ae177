"""What the controller tells: events, metrics, and a model's object."""

import asyncio

import pytest

from greenroom.controller.transition_report import Event, Events
from greenroom.errors import QueueFull, ShuttingDown, TransitionFailed
from greenroom.gateway.lease import Leased
from greenroom.residency.states import Action


@pytest.fixture
async def heard():
    """Return a maker of lists that fill with a controller's events."""
    tasks = []

    async def hear(harness):
        found = []

        async def listen():
            async for event in harness.controller.events.listen():
                found.append(event.as_json())

        tasks.append(asyncio.create_task(listen()))
        await harness.settle()
        return found

    yield hear
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_each_transition_is_told_once_to_everyone_who_listens(harness, heard):
    one = await harness()
    near, far = await heard(one), await heard(one)
    await one.used("tts")
    await one.controller.act("tts", Action.OFFLOAD)
    await one.settle()
    assert near == far
    told = [(e["model"], e["action"], e["from"], e["to"], e["reason"], e["bytes"]) for e in near]
    assert told == [
        ("tts", "load", "cold", "hot", "request", 640),
        ("tts", "offload", "hot", "warm", "manual", 0),
    ]
    assert all(e["seconds"] >= 0 and e["error"] is None and e["at"] for e in near)


async def test_a_failed_transition_is_told_with_its_error(harness, heard):
    one = await harness()
    events = await heard(one)
    one.triton.fail("load", "tts")
    await one.ask("tts")
    (event,) = events
    assert (event["from"], event["to"]) == ("cold", "cold")
    assert event["error"] == "weights.bin is not there."


async def test_a_transition_that_triton_took_with_it_is_told_once(harness, heard):
    one = await harness()
    events = await heard(one)
    with one.triton.holding("load", "tts"):
        await one.ask("tts")
        one.triton.die()
        await one.settle()
    assert [(e["action"], e["to"], e["error"]) for e in events] == [
        ("load", "cold", "Triton does not answer.")
    ]


async def test_a_listener_that_does_not_keep_up_loses_the_oldest_and_holds_nobody_up():
    events = Events()
    listener = events.listen()
    first = asyncio.ensure_future(anext(listener))
    await asyncio.sleep(0)
    for number in range(1000):
        events.publish(Event("tts", "load", "cold", "hot", number, 0, "request", "now"))
    assert (await first).seconds >= 1000 - 256 - 1
    rest = [await anext(listener) for _ in range(255)]
    assert rest[-1].seconds == 999
    await listener.aclose()
    assert not events._listeners


async def test_a_models_object_has_the_fields_of_the_design(harness):
    one = await harness()
    await one.controller.act("tts", Action.LOAD)
    shown = await one.controller.view.shown("tts")
    assert set(shown) == {
        "residency",
        "controllable",
        "leases",
        "waiting",
        "idle_seconds",
        "policy",
        "device_bytes",
        "device_overhead_bytes",
        "host_bytes",
        "process_bytes",
        "cache",
        "pid",
        "last_transition",
        "last_error",
    }
    assert set(shown["last_transition"]) == {"action", "seconds", "at"}
    assert one.controller.view.describe("asr")["last_transition"] is None
    assert one.controller.view.managed() == ["asr", "echo", "tts"]


async def test_a_leased_model_is_not_idle(harness):
    one = await harness(loaded=["tts"])
    await one.wait(5)
    assert one.controller.view.describe("tts")["idle_seconds"] == 5
    lease = await one.lease("tts")
    await one.wait(5)
    shown = one.controller.view.describe("tts")
    assert (shown["idle_seconds"], shown["leases"]) == (0, 1)
    await one.release(lease)


async def test_the_metrics_have_the_names_and_labels_of_the_design(harness):
    one = await harness()
    expected = {
        "model_residency": {"model", "residency"},
        "model_leases": {"model"},
        "model_waiting": {"model"},
        "model_device_bytes": {"model"},
        "model_device_overhead_bytes": {"model"},
        "model_host_bytes": {"model"},
        "model_broken": {"model"},
        "model_failures": {"model"},
        "model_awaits_memory": {"model"},
        "heals_total": {"model"},
        "evictions_total": {"model"},
        "refusals_total": {"model", "reason"},
        "transitions_total": {"model", "action", "result"},
        "transition_seconds_count": {"model", "action"},
        "requests_total": {"model", "protocol", "outcome"},
        "request_seconds_count": {"model", "start"},
        "wait_seconds_count": {"model", "start"},
        "triton_up": set(),
        "gpu_budget_bytes": set(),
    }
    shown = {}
    for name, labels in one.metrics():
        shown.setdefault(name.removeprefix("greenroom_"), set()).update(dict(labels))
    assert {name: shown.get(name) for name in expected} == expected


async def test_the_metrics_say_where_each_model_is(harness):
    one = await harness()
    one.triton.fail("load", "asr")
    await one.ask("asr")
    await one.lease("tts")
    assert one.metric("model_residency", model="tts", residency="hot") == 1
    assert one.metric("model_residency", model="tts", residency="cold") == 0
    assert one.metric("model_residency", model="asr", residency="cold") == 1
    assert one.metric("model_leases", model="tts") == 1
    assert one.metric("model_device_bytes", model="tts") == 640
    assert one.metric("transitions_total", model="tts", action="load", result="done") == 1
    assert one.metric("transitions_total", model="asr", action="load", result="failed") == 1
    assert one.metric("transition_seconds_count", model="tts", action="load") == 1
    assert one.metric("model_leases", model="speech") is None


async def test_a_dead_process_is_shown_until_another_has_taken_its_place(harness):
    one = await harness(loaded=["tts"])
    one.processes.seen = True
    assert one.metric("triton_up") == 1
    with one.triton.holding("load", "tts"):
        one.processes.on_end("tts")
        await one.settle()
        assert one.metric("model_broken", model="tts") == 1
    await one.settle()
    assert one.metric("model_broken", model="tts") == 0
    assert one.metric("heals_total", model="tts") == 1


async def test_failures_in_a_row_and_refusals_are_counted(harness):
    one = await harness()
    one.triton.fail("load", "tts")
    leased = Leased(one.controller, one.settings)

    async def never():
        raise AssertionError("there is no lease")

    with pytest.raises(TransitionFailed):
        await leased.run("tts", "http", 1, never)
    assert one.metric("model_failures", model="tts") == 1
    assert one.metric("refusals_total", model="tts", reason="transition_failed") == 1
    with pytest.raises(QueueFull):
        await leased.run("tts", "http", one.settings.max_held_bytes + 1, never)
    assert one.metric("refusals_total", model="tts", reason="queue_full") == 1
    assert one.metric("requests_total", model="tts", protocol="http", outcome="refused") == 2


async def test_refusals_of_an_ending_service_have_a_reason_of_their_own(harness):
    one = await harness()
    await one.controller.drain(0)
    with pytest.raises(ShuttingDown):
        await Leased(one.controller, one.settings).run("tts", "http", 1, asyncio.Event().wait)
    assert one.metric("refusals_total", model="tts", reason="shutting_down") == 1
    assert one.metric("refusals_total", model="tts", reason="other") is None
