"""The model `tts` with the engine `step-audio-editx` on a real Triton, asked directly."""

import asyncio
import json

import httpx
import numpy as np
import pytest
import pytest_asyncio
import tritonclient.grpc.aio as triton_grpc
from own_ports import own_ports
from spoken_rows import clone, words
from tiny_checkpoints.voice import voice_checkpoint
from tritonclient.utils import InferenceServerException

from greenroom.settings import Settings
from greenroom.supervisor import TritonServer
from greenroom.triton.backend_processes import backend_processes
from greenroom.triton.client import Triton

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

ASKED = 40
KINDS = {"O": "BYTES", "f": "FP32", "i": "INT32"}


class Tts:
    """The loaded model and a client of it."""

    def __init__(self, server, connection, client):
        self.server, self.connection, self.client = server, connection, client
        self.answered = 0

    async def ask(self, tensors):
        inputs = []
        for name, array in tensors.items():
            kind = "INT64" if name == "SEED" else KINDS[array.dtype.kind]
            inputs.append(triton_grpc.InferInput(name, [1, *array.shape], kind))
            batch = array[None]
            if kind == "BYTES":
                batch = np.array([[word.encode() for word in array]], object)
            inputs[-1].set_data_from_numpy(batch)
        return await self.client.infer("tts", inputs)

    async def say(self, seed):
        answer = await self.ask(clone("Hello there.", seed))
        self.answered += 1
        return answer.as_numpy("WAVEFORM")[0]

    async def control(self, action):
        answer = await self.ask({"RESIDENCY": words(json.dumps({"action": action}))})
        return json.loads(answer.as_numpy("RESIDENCY_REPORT").item())

    async def in_work(self):
        """Wait until rows are in work: an offload is refused then."""
        while "rows are active" not in ((await self.control("offload"))["error"] or ""):
            pass


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tts(tmp_path_factory):
    models = voice_checkpoint(tmp_path_factory.mktemp("models"), ends=4.5)
    environment = {
        "GREENROOM_MODELS_DIR": str(models),
        "GREENROOM_TTS_ENGINE": "step-audio-editx",
        "GREENROOM_TTS_PRECISION": "float32",
        "OMP_NUM_THREADS": "1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        folder = tmp_path_factory.mktemp("runtime")
        settings = Settings(runtime_dir=folder, triton_exit_timeout=2, **own_ports())
        async with TritonServer(settings) as server:
            connection = Triton(server.grpc_address, server.key)
            await connection.load("tts")
            async with triton_grpc.InferenceServerClient(server.grpc_address) as client:
                yield Tts(server, connection, client)
            await connection.close()


async def test_controls_are_answered_beside_forty_requests(tts):
    asked = [asyncio.create_task(tts.say(seed % 4)) for seed in range(ASKED)]
    await tts.in_work()
    assert (await tts.control("report"))["residency"] == "hot"
    assert tts.answered < ASKED - 8
    waves = await asyncio.gather(*asked)
    for seed, wave in enumerate(waves):
        assert np.allclose(wave, waves[seed % 4], atol=1e-4)
    assert (await tts.control("offload"))["device_bytes"] == 0
    assert np.allclose(await tts.say(0), waves[0], atol=1e-4)


async def test_bad_draws_are_counted(tts):
    """What a random model says is mostly far too short for a text of half a minute."""
    text = "This is one of quite a few sentences which are all rather long to say aloud. " * 6
    asked = [tts.ask(clone(text, seed)) for seed in range(4)]
    await asyncio.gather(*asked, return_exceptions=True)
    async with httpx.AsyncClient() as web:
        told = (await web.get(tts.server.metrics_url)).text
    assert 'greenroom_bad_draws_total{action="again",model="tts"}' in told


# On request: in one of six runs Triton 2.51 itself aborts at the SIGKILL.
@pytest.mark.long
async def test_a_process_that_is_killed_in_a_step_comes_back(tts):
    before = await tts.say(2)
    asked = [asyncio.create_task(tts.say(seed)) for seed in range(8)]
    await tts.in_work()
    (process,) = backend_processes("tts", tts.server.prefix)
    process.kill()
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert any(isinstance(answer, InferenceServerException) for answer in answers)
    await tts.connection.begin_unload("tts")
    await tts.connection.load("tts")
    assert np.allclose(await tts.say(2), before, atol=1e-4)
