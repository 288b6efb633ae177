"""A load before its first measurement, by the size of the weights: 7 GiB on a card of 10 GiB."""

import asyncio

import pytest
from model_folders import write_ensemble, write_model
from scripted_gpu import ScriptedGpu
from tiny_checkpoints.released_sizes import released_sizes

from greenroom.errors import DoesNotFit
from greenroom.residency.control import Report

GIB = 2**30
CARD = 10 * 2**10
"""MiB."""


@pytest.fixture
def sized(harness, tmp_path, monkeypatch):
    """Return a maker of harnesses whose tts has so many GiB of weights, sparse on disk."""

    async def make(gib, gpu, **given):
        monkeypatch.setenv("GREENROOM_MODELS_DIR", str(tmp_path / "checkpoints"))
        models = tmp_path / "models"
        for name in ("asr", "tts"):
            write_model(models, name)
        write_model(models, "echo", controllable=False)
        write_ensemble(tmp_path / "ensembles", "speech", "asr", "tts")
        config = models / "tts" / "config.pbtxt"
        weights = 'parameters { key: "weights.large" value { string_value: "large, more.pt" } }'
        engine = 'parameters { key: "engine" value { string_value: "large" } }'
        config.write_text(f"{config.read_text()}\n{engine}\n{weights}\n")
        for place, size in (("large/one.safetensors", gib * GIB - 2**20), ("more.pt", 2**20)):
            file = tmp_path / "checkpoints" / place
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("wb") as made:
                made.truncate(size)
        return await harness(gpu=gpu, gpu_reserve_bytes=0, gpu_activation_bytes=GIB, **given)

    return make


async def test_it_waits_while_others_use_the_card(sized):
    gpu = ScriptedGpu(CARD, used=2 * 2**10)
    one = await sized(7, gpu)
    waiter = await one.ask("tts")
    assert one.triton.count("load", "tts") == 0
    gpu.used = 500  # 1.2 x 7 GiB + 1 GiB = 9626 MiB
    await one.wait(1)
    await waiter
    assert one.triton.count("load", "tts") == 1


async def test_it_evicts_what_is_idle(sized):
    gpu = ScriptedGpu(CARD, used=4 * 2**10)
    one = await sized(7, gpu, loaded=["asr"])
    one.triton.reports["asr"] = Report(residency="hot", device_bytes=4 * GIB)
    await one.controller.healing.probe("asr")
    with one.triton.holding("offload", "asr"):
        waiter = await one.ask("tts")
        assert one.residency("asr") == "offloading"
        gpu.used = 0
    await one.wait(1)
    await waiter
    assert one.residency("tts") == "hot"


async def test_it_is_refused_with_the_numbers_when_the_card_can_never_have_it(sized):
    one = await sized(8, ScriptedGpu(CARD))
    with pytest.raises(DoesNotFit) as caught:
        await one.lease("tts")
    assert "tts 10854 MiB need 10854 MiB together" in str(caught.value)
    assert "10240 MiB on the GPU" in str(caught.value)
    assert one.triton.count("load", "tts") == 0


@pytest.mark.parametrize(("precision", "fits"), [("bf16", False), ("int8", True), ("int4", True)])
async def test_a_precision_decides_whether_the_production_voice_fits_on_8_gb(
    harness, tmp_path, monkeypatch, precision, fits
):
    monkeypatch.setenv("GREENROOM_MODELS_DIR", str(released_sizes(tmp_path / "checkpoints")))
    write_model(tmp_path / "models", "tts")
    config = tmp_path / "models" / "tts" / "config.pbtxt"
    given = {"engine": "step-audio-editx", "precision": precision}
    lines = (
        f'parameters {{ key: "{name}" value {{ string_value: "{value}" }} }}'
        for name, value in given.items()
    )
    config.write_text("\n".join([config.read_text(), *lines, ""]))
    one = await harness(gpu=ScriptedGpu(8 * 2**10))
    if fits:
        async with asyncio.timeout(30):
            await one.lease("tts")
    else:
        with pytest.raises(DoesNotFit, match="8192 MiB on the GPU"):
            await one.lease("tts")
    assert one.triton.count("load", "tts") == fits
