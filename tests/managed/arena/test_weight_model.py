"""A managed model with weights, served by a real Triton behind the real gateway."""

import json
from pathlib import Path

import numpy as np
import psutil
import pytest
import tritonclient.grpc as triton_grpc
from managed_models import weight_model
from tritonclient.utils import InferenceServerException

pytestmark = pytest.mark.slow

SIZE = 24 * 2**20


def control(action):
    tensor = triton_grpc.InferInput("RESIDENCY", [1, 1], "BYTES")
    tensor.set_data_from_numpy(np.array([[json.dumps({"action": action}).encode()]], object))
    return [tensor]


async def asked(client, model, number):
    return (await client.infer(model.name, model.inputs(number))).as_numpy("SUM").item()


async def test_weights_come_and_go_and_the_answer_stays(start, tmp_path):
    model = weight_model(tmp_path / "models", "weights", SIZE)
    never = {"weights": {"offload_after": -1, "unload_after": -1}}
    running = await start(model_repository=tmp_path / "models", policy=never)
    assert await asked(running.grpc, model, 3) == model.answer(3)
    shown = await running.residency("weights")
    assert shown["residency"] == "hot"
    assert shown["host_bytes"] >= SIZE
    assert SIZE <= shown["device_bytes"] <= 1.1 * SIZE
    process = psutil.Process(shown["pid"])
    hot = process.memory_info().rss
    for number in (5, -7):
        await running.act("weights", "offload")
        shown = await running.residency("weights")
        assert (shown["residency"], shown["device_bytes"]) == ("warm", 0)
        assert shown["host_bytes"] >= SIZE
        assert shown["process_bytes"] >= SIZE
        assert hot - process.memory_info().rss > 0.9 * SIZE
        assert await asked(running.grpc, model, number) == model.answer(number)
    await running.act("weights", "unload")
    assert not process.is_running()
    assert await asked(running.grpc, model, 11) == model.answer(11)


async def test_a_warm_model_restores_itself_for_a_client_of_triton(start, tmp_path):
    model = weight_model(tmp_path / "models", "weights", SIZE)
    running = await start(model_repository=tmp_path / "models")
    await running.act("weights", "load")
    await running.direct_grpc.infer("weights", control("offload"))
    assert await asked(running.direct_grpc, model, 3) == model.answer(3)
    answer = await running.direct_grpc.infer("weights", control("report"))
    report = json.loads(answer.as_numpy("RESIDENCY_REPORT").item())
    assert (report["residency"], report["error"]) == ("hot", None)


def limit_memory(pid, more):
    """Let a process have at most so many bytes more; None: as many as it likes."""
    limit = psutil.RLIM_INFINITY
    if more is not None:
        held = Path(f"/proc/{pid}/status").read_text().split("VmData:")[1].split()[0]
        limit = int(held) * 1024 + more
    psutil.Process(pid).rlimit(psutil.RLIMIT_DATA, (limit, psutil.RLIM_INFINITY))


async def test_a_restore_that_runs_out_of_memory_stays_warm_and_can_be_tried_again(start, tmp_path):
    model = weight_model(tmp_path / "models", "weights", SIZE)
    running = await start(model_repository=tmp_path / "models")
    pid = (await running.act("weights", "load")).json()["pid"]
    await running.act("weights", "offload")
    limit_memory(pid, SIZE // 2)
    answer = await running.act("weights", "restore")
    assert answer.status_code >= 500
    assert "bytes of memory were asked for; the system refused them" in answer.json()["error"]
    with pytest.raises(InferenceServerException, match="the system refused them") as caught:
        await asked(running.direct_grpc, model, 3)
    assert caught.value.status() == "StatusCode.UNAVAILABLE"
    shown = await running.residency("weights")
    assert (shown["residency"], shown["device_bytes"], shown["pid"]) == ("warm", 0, pid)
    limit_memory(pid, None)
    assert await asked(running.direct_grpc, model, 3) == model.answer(3)
