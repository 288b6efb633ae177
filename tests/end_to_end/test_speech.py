"""The whole product on the embedded engines: clients, gateway, ensemble, models."""

import asyncio
import io
import sys
import time

import numpy as np
import soundfile
from speech_requests import over_grpc, over_http

from greenroom.settings import Settings
from greenroom_speech.voices import voice
from greenroom_speech.word_errors import word_errors

REAL = {
    name: Settings.model_fields[name].default
    for name in ("model_repository", "ensemble_repository")
}


def clone_of(name, text, **more):
    """Return the tensors of a clone request for a bundled voice."""
    spoken = voice(name)
    samples, rate = soundfile.read(spoken.path, dtype="float32")
    given = {"AUDIO": samples[None], "SAMPLE_RATE": rate, "TRANSCRIPT": spoken.transcript}
    return given | {"TEXT": text} | more


async def test_thirty_cold_requests_share_one_load_of_tts(start):
    running = await start(**REAL)
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


async def test_the_second_request_with_a_reference_skips_its_analysis(start):
    running = await start(**REAL)
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


async def test_an_edit_needs_no_text_and_a_transcription_is_words(start):
    running = await start(**REAL)
    samples, rate = soundfile.read(voice("clara").path, dtype="float32")
    given = {"AUDIO": samples[None], "SAMPLE_RATE": rate}
    heard = await running.http.infer("asr", over_http(**given))
    words = heard.as_numpy("TRANSCRIPT")[0, 0].decode()
    wrong, said = word_errors(voice("clara").transcript, words)
    assert wrong <= 0.2 * said
    faster = await running.grpc.infer(
        "speech", over_grpc(**given, TRANSCRIPT=words, TASK="speed", TASK_INFO="1.25")
    )
    assert faster.as_numpy("PROMPT_TRANSCRIPT")[0, 0].decode() == words
    seconds = faster.as_numpy("WAVEFORM").shape[1] / faster.as_numpy("WAVEFORM_RATE").item()
    assert abs(seconds - samples.size / rate / 1.25) < 0.1


async def test_the_demo_tells_the_whole_story(tmp_path):
    demo = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "greenroom_speech.demo", "--out", str(tmp_path / "demo.wav")),
        stdout=asyncio.subprocess.PIPE,
    )
    told = (await demo.communicate())[0].decode()
    assert demo.returncode == 0, told
    for word in ("cold", "loading", "hot", "unloading", "word error rate 0."):
        assert word in told
    written = io.BytesIO((tmp_path / "demo.wav").read_bytes())
    info = soundfile.info(written)
    assert (info.samplerate, info.channels, info.subtype) == (24000, 1, "PCM_16")
    assert 3 < info.duration < 8
