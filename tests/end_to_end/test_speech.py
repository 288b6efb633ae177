"""The whole product on the embedded engines: clients, gateway, ensemble, models."""

import asyncio
import io
import sys
import time

import numpy as np
import pytest
import soundfile
from speech_requests import over_grpc, over_http
from tritonclient.grpc import InferRequestedOutput

from greenroom.settings import Settings
from greenroom_speech.voices import voice
from greenroom_speech.word_errors import word_errors

pytestmark = pytest.mark.asyncio(loop_scope="module")
SETTINGS = {
    name: Settings.model_fields[name].default
    for name in ("model_repository", "ensemble_repository")
}


def clone_of(name, text, **more):
    """Return the tensors of a clone request for a bundled voice."""
    spoken = voice(name)
    samples, rate = soundfile.read(spoken.path, dtype="float32")
    given = {"AUDIO": samples[None], "SAMPLE_RATE": rate, "TRANSCRIPT": spoken.transcript}
    return given | {"TEXT": text} | more


async def test_thirty_cold_requests_share_one_load_of_tts(running):
    given = clone_of("henry", "Yes.")
    assert (await running.residency("tts"))["residency"] == "cold"
    results = await asyncio.gather(
        *(running.http.infer("speech", over_http(**given)) for _ in range(15)),
        *(running.grpc.infer("speech", over_grpc(**given)) for _ in range(15)),
    )
    waves = [result.as_numpy("WAVEFORM") for result in results]
    assert all(np.array_equal(wave, waves[0]) for wave in waves)
    assert 0.2 < waves[0].shape[1] / 24000 < 3
    assert np.abs(waves[0]).max() > 0.05
    assert running.count("successfully loaded 'tts'") == 1
    tritons = await running.direct_grpc.infer("speech", over_grpc(**given))
    assert raw(results[-1]) == raw(tritons)


def raw(result):
    response = result.get_response()
    tensors = zip(response.outputs, response.raw_output_contents, strict=True)
    return {one.name: (one.datatype, list(one.shape), content) for one, content in tensors}


async def test_the_pieces_of_a_stream_are_the_whole_waveform(serving):
    given = over_grpc(**clone_of("henry", "Good evening, everybody. And now for the news."))
    whole = (await serving.grpc.infer("speech", given)).as_numpy("WAVEFORM")

    async def requests():
        yield {"model_name": "speech", "inputs": given, "parameters": {"stream": True}}

    pieces, words = [], []
    async for answer, error in serving.grpc.stream_infer(requests()):
        assert error is None
        pieces.append(answer.as_numpy("WAVEFORM"))
        words.append(answer.as_numpy("PROMPT_TRANSCRIPT"))
        if answer.get_response().parameters["triton_final_response"].bool_param:
            break
    assert len(pieces) > 1
    assert np.array_equal(np.concatenate(pieces, axis=1), whole)
    assert words[0].item().decode() == voice("henry").transcript
    assert words[1:] == [None] * (len(words) - 1)


@pytest.mark.asyncio(loop_scope="function")
async def test_the_second_request_with_a_reference_skips_its_analysis(start):
    running = await start(**SETTINGS)
    await running.act("tts", "load")
    await running.until("asr", residency="hot")

    async def seconds(name):
        asked = time.perf_counter()
        await running.grpc.infer("speech", over_grpc(**clone_of(name, "Good day.")))
        return time.perf_counter() - asked

    await seconds("henry")  # the first request of all wires the ensemble
    first, second = await seconds("clara"), await seconds("clara")
    assert second <= 0.5 * first
    kept = {"entries": 2, "hits": 1, "misses": 2}
    shown = await until_kept(running, **kept)
    assert shown["cache"]["bytes"] > 10_000
    cleared = (await running.act("tokenizer", "clear_cache")).json()
    assert cleared["cache"] == kept | {"entries": 0, "bytes": 0}
    assert cleared["idle_seconds"] >= shown["idle_seconds"]


async def until_kept(running, **numbers):
    """Wait until GET /residency, which may show what it read just before, shows these."""
    while True:
        shown = await running.residency("tokenizer")
        if shown["cache"] and shown["cache"].items() >= numbers.items():
            return shown
        await asyncio.sleep(0.01)


async def test_an_edit_needs_no_text_and_a_transcription_is_words(serving):
    samples, rate = soundfile.read(voice("clara").path, dtype="float32")
    given = {"AUDIO": samples[None], "SAMPLE_RATE": rate}
    heard = await serving.http.infer("asr", over_http(**given))
    words = heard.as_numpy("TRANSCRIPT")[0, 0].decode()
    wrong, said = word_errors(voice("clara").transcript, words)
    assert wrong <= 0.2 * said
    faster = await serving.grpc.infer(
        "speech", over_grpc(**given, TRANSCRIPT=words, TASK="speed", TASK_INFO="1.25")
    )
    assert faster.as_numpy("PROMPT_TRANSCRIPT")[0, 0].decode() == words
    seconds = faster.as_numpy("WAVEFORM").shape[1] / faster.as_numpy("WAVEFORM_RATE").item()
    assert abs(seconds - samples.size / rate / 1.25) < 0.1


async def test_times_are_made_for_who_names_them_and_each_request_gets_its_own(serving):
    named = [
        InferRequestedOutput(name)
        for name in ("TRANSCRIPT", "WORD_TEXTS", "WORD_TIMES", "SEGMENT_TEXTS", "SEGMENT_TIMES")
    ]

    def recording(name):
        samples, rate = soundfile.read(voice(name).path, dtype="float32")
        return over_grpc(AUDIO=samples[None], SAMPLE_RATE=rate), samples.size / rate

    await serving.act("asr", "load")
    for client in (serving.grpc, serving.direct_grpc):
        given = [recording(name) for name in ("henry", "clara")]
        asked = (client.infer("asr", inputs, outputs=named) for inputs, _ in given)
        for answer, (_, seconds) in zip(await asyncio.gather(*asked), given, strict=True):
            (texts,), (times,) = answer.as_numpy("WORD_TEXTS"), answer.as_numpy("WORD_TIMES")
            words = b" ".join(texts)
            assert words == answer.as_numpy("TRANSCRIPT").item()
            assert words == b" ".join(answer.as_numpy("SEGMENT_TEXTS")[0])
            assert times.shape == (len(texts), 2)
            assert 0 < times[-1, 1] <= seconds + 0.01
        plain = raw(await client.infer("asr", given[0][0]))
        assert plain.keys() == {"TRANSCRIPT", "AUDIO_LANGUAGE"}
        silent = over_grpc(AUDIO=np.full((1, 8000), 2e-4, np.float32), SAMPLE_RATE=16_000)
        nothing = await client.infer("asr", silent, outputs=named)
        count = len(nothing.as_numpy("TRANSCRIPT").item().split())
        assert nothing.as_numpy("WORD_TIMES").shape == (1, count, 2)


async def test_the_demo_tells_the_whole_story(tmp_path):
    demo = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "greenroom_speech.demo", "--out", str(tmp_path / "demo.wav")),
        stdout=asyncio.subprocess.PIPE,
    )
    told = (await demo.communicate())[0].decode()
    assert demo.returncode == 0, told
    for word in ("cold", "load", "hot", "unload", "word error rate 0."):
        assert word in told
    written = io.BytesIO((tmp_path / "demo.wav").read_bytes())
    info = soundfile.info(written)
    assert (info.samplerate, info.channels, info.subtype) == (24000, 1, "PCM_16")
    assert 3 < info.duration < 8
