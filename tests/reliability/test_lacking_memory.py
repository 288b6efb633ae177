"""A model that gets no memory to come back says so, and comes back when there is some."""

from pathlib import Path

import psutil
import pytest
from managed_models import weight_model
from tritonclient.utils import InferenceServerException

SIZE = 24 * 2**20


def data_bytes(pid):
    """Return the bytes of a process that RLIMIT_DATA counts."""
    held = Path(f"/proc/{pid}/status").read_text().split("VmData:")[1].split()[0]
    return int(held) * 1024


async def test_requests_to_a_model_that_can_not_be_restored(start, tmp_path):
    model = weight_model(tmp_path / "models", "weights", SIZE)
    running = await start(model_repository=tmp_path / "models")
    pid = (await running.act("weights", "load")).json()["pid"]
    await running.act("weights", "offload")
    process = psutil.Process(pid)
    unlimited = process.rlimit(psutil.RLIMIT_DATA)
    process.rlimit(psutil.RLIMIT_DATA, (data_bytes(pid) + SIZE // 2, unlimited[1]))
    with pytest.raises(InferenceServerException, match="the system refused them"):
        await running.grpc.infer("weights", model.inputs(7))
    shown = await running.until("weights", residency="warm", leases=0)
    assert "the system refused them" in shown["last_error"]
    assert (shown["device_bytes"], shown["pid"]) == (0, pid)
    process.rlimit(psutil.RLIMIT_DATA, unlimited)
    answer = await running.grpc.infer("weights", model.inputs(7))
    assert answer.as_numpy("SUM").item() == model.answer(7)
    assert (await running.residency("weights"))["last_error"] is None
