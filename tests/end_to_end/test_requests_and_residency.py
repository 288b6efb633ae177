"""What happens to requests while models come, go, hang, fail and die. Real Triton, real clients."""

import asyncio
import os
import shutil
import signal
import threading
from pathlib import Path

import pytest
from echo import SAMPLES, echoed, grpc_inputs, http_inputs
from tritonclient.utils import InferenceServerException

from greenroom.triton.backend_processes import backend_processes

pytestmark = pytest.mark.asyncio(loop_scope="module")
MODELS = Path(__file__).parent.parent / "models"


class StubCounter:
    """Counts the processes of Triton's models all the time, in a thread of its own."""

    def __init__(self, running):
        self._running = running
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._count)
        self.most = 0

    def _count(self):
        while not self._stop.wait(0.002):
            self.most = max(self.most, len(self._running.stubs()))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *raised):
        self._stop.set()
        self._thread.join()


def refused(answer):
    return isinstance(answer, InferenceServerException)


async def asked_thirty_times(running, model):
    """Return 30 requests under way, half over HTTP, half over gRPC."""
    return [
        asyncio.create_task(
            running.grpc.infer(model, grpc_inputs())
            if number % 2
            else running.http.infer(model, http_inputs())
        )
        for number in range(30)
    ]


async def test_thirty_cold_requests_share_one_load(running):
    asked = await asked_thirty_times(running, "echo")
    assert all(map(echoed, await asyncio.gather(*asked)))
    assert running.count("successfully loaded 'echo'") == 1


async def test_requests_during_unloading_are_answered_by_one_process_at_a_time(running):
    with StubCounter(running) as stubs:
        for _ in range(3):
            assert echoed(await running.grpc.infer("echo", grpc_inputs()))
            unload = asyncio.create_task(running.act("echo", "unload"))
            await running.until("echo", residency="unloading")
            asked = await asked_thirty_times(running, "echo")
            assert all(map(echoed, await asyncio.gather(*asked)))
            assert (await unload).status_code == 200
    assert stubs.most == 1
    assert running.count("successfully loaded 'echo'") == 4


async def test_questions_do_not_keep_a_model_loaded(running):
    await running.change_policy("echo", unload_after=1)
    assert echoed(await running.http.infer("echo", http_inputs()))

    async def keep_asking():
        while True:
            await running.web.get("/metrics")
            await running.web.get("/readyz")
            await running.web.get("/residency")
            await running.http.is_server_ready()
            await running.http.is_model_ready("echo")
            await running.http.get_model_metadata("echo")
            await running.grpc.get_model_config("echo")
            await running.grpc.get_model_repository_index()
            await asyncio.sleep(0.1)

    asking = asyncio.create_task(keep_asking())
    async with asyncio.timeout(10):
        await running.until("echo", residency="cold")
    assert not asking.done()
    asking.cancel()


@pytest.mark.parametrize("protocol", ["http", "grpc"])
async def test_a_client_that_leaves_frees_its_place_and_the_load_goes_on(running, protocol):
    if protocol == "http":
        request = running.http.infer("gated", http_inputs())
    else:
        request = running.grpc.infer("gated", grpc_inputs())
    asked = asyncio.create_task(request)
    await running.until("gated", waiting=1, residency="loading")
    asked.cancel()
    await asyncio.wait([asked])
    await running.until("gated", waiting=0, residency="loading")
    running.gate.touch()
    assert echoed(await running.grpc.infer("gated", grpc_inputs()))
    assert running.count("successfully loaded 'gated'") == 1


@pytest.mark.asyncio(loop_scope="function")
async def test_a_failed_load_is_told_to_each_waiter_and_tried_again_when_mended(start, tmp_path):
    repository = tmp_path / "models"
    shutil.copytree(MODELS / "broken", repository / "echo", ignore=shutil.ignore_patterns("__py*"))
    (tmp_path / "ensembles").mkdir()
    running = await start(model_repository=repository, ensemble_repository=tmp_path / "ensembles")
    asked = await asked_thirty_times(running, "echo")
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert all(map(refused, answers))
    assert all("weights.bin is not there." in str(answer) for answer in answers)
    assert "model.py" not in str(answers[0])
    assert "weights.bin" in (await running.residency("echo"))["last_error"]
    shutil.copyfile(MODELS / "echo/1/model.py", repository / "echo/1/model.py")
    assert echoed(await running.http.infer("echo", http_inputs()))
    assert (await running.residency("echo"))["last_error"] is None


async def test_a_process_that_is_stopped_while_it_loads_is_replaced(running):
    asked = asyncio.create_task(running.grpc.infer("gated", grpc_inputs()))
    while not (found := backend_processes("gated", running.service.triton.prefix)):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    found[0].send_signal(signal.SIGSTOP)
    running.gate.touch()
    assert echoed(await asked)


@pytest.mark.asyncio(loop_scope="function")
async def test_a_hanging_load_is_ended_and_its_waiters_told(start, gate):
    running = await start(load_timeout=1.5)
    asked = await asked_thirty_times(running, "gated")
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert all(map(refused, answers))
    assert all("load_timeout" in str(answer) for answer in answers)
    assert not running.stubs()
    gate.touch()
    assert echoed(await running.http.infer("gated", http_inputs()))


async def test_a_request_waits_no_longer_than_it_may(running):
    await running.change_policy("gated", max_wait=0.3)
    answer = await running.web.post(
        "/v2/models/gated/infer",
        json={"inputs": [{"name": "INPUT", "shape": [1, 1], "datatype": "FP32", "data": [1]}]},
    )
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert "gated is loading" in answer.json()["error"]
    with pytest.raises(InferenceServerException) as late:
        await running.grpc.infer("gated", grpc_inputs(), client_timeout=0.1)
    assert late.value.status() == "StatusCode.DEADLINE_EXCEEDED"
    await running.until("gated", waiting=0)


async def test_more_requests_than_may_wait_are_refused(running):
    await running.change_policy("gated", max_waiting=3)
    waiting = [asyncio.create_task(running.grpc.infer("gated", grpc_inputs())) for _ in range(3)]
    await running.until("gated", waiting=3)
    with pytest.raises(InferenceServerException, match=r"max_waiting \(3\)") as full:
        await running.grpc.infer("gated", grpc_inputs())
    assert full.value.status() == "StatusCode.UNAVAILABLE"
    running.gate.touch()
    assert all(map(echoed, await asyncio.gather(*waiting)))


async def test_requests_that_wait_outlive_a_killed_triton(running):
    asked = await asked_thirty_times(running, "gated")
    await running.until("gated", waiting=30, residency="loading")
    os.kill(running.service.triton.pid, signal.SIGKILL)
    await running.logged("triton | runs again")
    running.gate.touch()
    assert all(map(echoed, await asyncio.gather(*asked)))


async def test_a_request_in_flight_is_sent_again_when_triton_was_killed(running):
    asked = await asked_thirty_times(running, "slow")
    await running.until("slow", leases=30)
    os.kill(running.service.triton.pid, signal.SIGKILL)
    running.gate.touch()
    assert all(map(echoed, await asyncio.gather(*asked)))


async def test_a_killed_controller_comes_back_and_reads_the_state_back(running):
    assert echoed(await running.http.infer("echo", http_inputs()))
    os.kill(running.service.programs[0].pid, signal.SIGKILL)
    await running.logged("controller | runs again")
    await running.until("echo", residency="hot")
    assert echoed(await running.grpc.infer("echo", grpc_inputs(), client_timeout=30))
    assert running.count("successfully loaded 'echo'") == 1


@pytest.mark.asyncio(loop_scope="function")
async def test_a_request_in_flight_is_answered_when_the_service_ends(start, gate):
    running = await start()
    asked = asyncio.create_task(running.grpc.infer("slow", grpc_inputs()))
    await running.until("slow", leases=1)
    os.kill(running.service.programs[0].pid, signal.SIGTERM)
    await running.logged("Draining")
    with pytest.raises(InferenceServerException, match="shutting down"):
        await running.grpc.infer("echo", grpc_inputs())
    gate.touch()
    assert echoed(await asked)


async def test_a_model_that_was_loaded_by_hand_stays_until_it_was_used(running):
    await running.change_policy("echo", unload_after=0)
    assert (await running.act("echo", "load")).json()["residency"] == "hot"
    assert echoed(await running.grpc.infer("echo", grpc_inputs(SAMPLES)))
    await running.until("echo", residency="cold")


async def test_touch_loads_ahead_of_the_request(running):
    touched = await running.act("echo", "touch")
    assert touched.json()["residency"] == "hot"
    assert touched.json()["leases"] == 0
