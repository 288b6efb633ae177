"""The budget as the controller feeds it: a card that is measured, and models' reports."""

import asyncio

import pytest
from scripted_gpu import MIB, ScriptedGpu

from greenroom.controller.measurements import FILE
from greenroom.errors import DoesNotFit, ServerDown, WaitedTooLong
from greenroom.residency.control import Report
from greenroom.residency.policy import Policy
from greenroom.residency.states import Action

HOT = Report(residency="hot", device_bytes=10 * MIB, device_overhead_bytes=2 * MIB)


async def on_a_card(harness, **given):
    """Return a harness whose tts was measured: 12 MiB, now cold."""
    gpu = ScriptedGpu(total=100)
    one = await harness(gpu=gpu, gpu_reserve_bytes=8 * MIB, **given)
    one.triton.reports["tts"] = HOT
    await one.controller.act("tts", Action.LOAD)
    await one.controller.act("tts", Action.UNLOAD)
    return one, gpu


async def test_a_load_waits_until_the_card_has_the_memory(harness):
    one, gpu = await on_a_card(harness)
    gpu.used = 81
    waiter = await one.ask("tts")
    assert one.triton.count("load", "tts") == 1
    gpu.used = 80
    await one.wait(0.2)
    (await waiter)
    assert one.triton.count("load", "tts") == 2


async def test_the_card_is_measured_before_a_load_and_never_without_need(harness):
    one, gpu = await on_a_card(harness)
    reads = gpu.reads
    one.controller.view.describe("tts")
    one.metrics()
    await one.wait(60)
    assert gpu.reads == reads
    await one.used("tts")
    assert gpu.reads == reads + 1
    await one.wait(60)
    assert gpu.reads == reads + 1


async def test_one_look_is_enough_for_everyone(harness):
    one, gpu = await on_a_card(harness)
    reads = gpu.reads
    gpu.hold()
    waiters = [await one.ask("tts") for _ in range(5)]
    gpu.go_on()
    await asyncio.gather(*waiters)
    assert gpu.reads == reads + 1


async def test_a_refusal_has_the_numbers(harness):
    one, gpu = await on_a_card(harness, policy={"tts": Policy(max_wait=3)})
    gpu.used = 90
    waiter = await one.ask("tts")
    await one.wait(3)
    with pytest.raises(WaitedTooLong) as caught:
        await waiter
    assert str(caught.value).endswith(
        "Model tts needs 12 MiB of GPU memory and 2 MiB of 100 MiB on the GPU less a reserve of "
        "8 MiB are free: no model of this service holds memory."
    )


async def test_a_model_larger_than_the_card_is_refused_at_once(harness):
    one, gpu = await on_a_card(harness)
    gpu.total = 19
    with pytest.raises(DoesNotFit, match="12 MiB together, but there is only 19 MiB on the GPU"):
        await (await one.ask("tts"))


async def test_a_card_that_is_not_there_bounds_nothing(harness):
    one, gpu = await on_a_card(harness)
    gpu.there = False
    gpu.used = 100
    await one.lease("tts")
    assert one.controller.view.budget() is None


async def test_a_card_whose_metrics_do_not_come_bounds_nothing(harness, monkeypatch, caplog):
    monkeypatch.setattr("greenroom.controller.memory_watch._BETWEEN_ATTEMPTS", 0)

    async def silent(now):
        raise ServerDown("Triton's metrics do not answer.")

    one, gpu = await on_a_card(harness)
    monkeypatch.setattr(gpu, "read", silent)
    await asyncio.wait_for(one.lease("tts"), 5)
    assert "so it limits no load" in caplog.text
    assert await one.controller.view.gpu() is None


async def test_needs_are_known_again_after_a_restart(harness):
    first = await harness(gpu_budget_bytes=20 * MIB)
    first.triton.reports["tts"] = HOT
    await first.controller.act("tts", Action.LOAD)
    assert (first.settings.runtime / FILE).exists()
    again = await harness(gpu_budget_bytes=11 * MIB)
    with pytest.raises(DoesNotFit):
        await again.lease("tts")


async def test_what_an_earlier_controller_loaded_counts_by_its_report(harness):
    one = await harness(gpu_budget_bytes=20 * MIB, loaded=["tts"])
    one.triton.reports["tts"] = HOT
    assert one.controller.view.budget()["held_bytes"] == 640
    two = await harness(gpu_budget_bytes=20 * MIB, loaded=["tts"], triton=one.triton)
    assert two.controller.view.budget() == {
        "budget_bytes": 20 * MIB,
        "reserve_bytes": 512 * MIB,
        "held_bytes": 12 * MIB,
        "needs": {"asr": 0, "echo": 0, "tts": 12 * MIB},
    }


async def test_an_estimate_is_made_of_the_weight_files(harness):
    one = await harness(gpu_budget_bytes=10 * MIB, gpu_activation_bytes=MIB)
    (one.models / "tts/1/model.safetensors").write_bytes(bytes(5 * MIB))
    one.repository.scan()
    one.controller._add_models()
    assert one.controller.view.budget()["needs"]["tts"] == 7 * MIB


async def test_the_gpu_is_shown_where_there_is_one(harness):
    gpu = ScriptedGpu(total=100, used=40)
    one = await harness(gpu=gpu)
    shown = await one.controller.view.gpu()
    assert shown == {"index": 0, "total_bytes": 100 * MIB, "used_bytes": 40 * MIB}
    one.controller.view.observe(shown)
    assert one.metric("gpu_used_bytes") == 40 * MIB
    assert one.metric("gpu_total_bytes") == 100 * MIB
    bare = await harness()
    assert await bare.controller.view.gpu() is None
    assert bare.metric("gpu_used_bytes") is None


async def test_an_eviction_is_told_as_one(harness):
    one = await harness(gpu_budget_bytes=20 * MIB)
    one.triton.reports = {"tts": HOT, "asr": HOT}
    await one.controller.act("asr", Action.LOAD)
    await one.controller.act("asr", Action.UNLOAD)
    await one.controller.act("tts", Action.LOAD)
    events = one.controller.events.listen()
    told = asyncio.ensure_future(anext(events))
    await one.used("asr")
    found = [(await told).as_json(), (await anext(events)).as_json()]
    assert [(e["model"], e["action"], e["reason"]) for e in found] == [
        ("tts", "offload", "evict"),
        ("asr", "load", "request"),
    ]
    await events.aclose()
    assert one.metric("evictions_total", model="tts") == 1
    assert one.metric("evictions_total", model="asr") == 0
    assert one.metric("gpu_budget_bytes") == 20 * MIB


async def test_who_waits_for_memory_is_shown(harness):
    one, gpu = await on_a_card(harness)
    gpu.used = 90
    waiter = await one.ask("tts")
    assert one.metric("model_awaits_memory", model="tts") == 1
    assert one.metric("model_awaits_memory", model="asr") == 0
    gpu.used = 0
    await one.wait(1)
    await waiter
    assert one.metric("model_awaits_memory", model="tts") == 0


async def test_who_waits_for_triton_does_not_wait_for_memory(harness):
    one, gpu = await on_a_card(harness)
    gpu.used = 90
    await one.ask("tts")
    one.triton.die()
    await one.settle()
    assert one.metric("model_awaits_memory", model="tts") == 0
    assert one.metric("triton_up") == 0
