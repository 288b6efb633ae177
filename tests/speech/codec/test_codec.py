"""The decoder's promises: windows as they are wanted, bounds, and files that break it."""

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
from sound_files import by_ffmpeg, by_libsndfile, hum

import greenroom_speech.codec.decoder as decoding
import greenroom_speech.codec.process as process
from greenroom.errors import InvalidInput, QueueFull, TooLarge, Unavailable
from greenroom_speech.codec.decoder import Decoder
from greenroom_speech.codec.process import CodecProcess

pytestmark = pytest.mark.slow

FAILING = (sys.executable, str(Path(__file__).with_name("failing_codec.py")))
SOUND = by_libsndfile("WAV", "PCM_16", 16_000, 1.0)


@pytest.fixture
def failing(held):
    codec = CodecProcess(FAILING)
    yield Decoder(codec, held)
    codec.stop()
    assert held.now == 0


async def test_a_long_file_comes_in_windows_of_30_s_and_never_holds_two(decoder, held):
    content = by_libsndfile("FLAC", "PCM_16", 8000, 75.0)
    lengths, parts = [], []
    async with decoder.opened(content, "file", 14_400) as sound:
        async for window in sound.windows():
            assert held.now == len(content) + window.nbytes
            lengths.append(len(window) / sound.rate)
            parts.append(window)
    assert lengths == [30, 30, 15]
    assert np.allclose(np.concatenate(parts), hum(8000, 75.0), atol=1e-4)


@pytest.mark.parametrize("content", [b"", b"no sound at all", b"RIFF\x00\x00\x00\x00WAVE"])
async def test_what_is_no_audio_is_refused_by_name(decoder, content):
    with pytest.raises(InvalidInput, match=r"^reference_audio \(\d+ bytes\) is not an audio file"):
        await decoder.recording(content, "reference_audio", 30)


async def test_sound_without_samples_is_refused(decoder):
    with pytest.raises(InvalidInput, match=r"^file has no samples; it must have at least one\.$"):
        await decoder.recording(by_libsndfile("WAV", seconds=0), "file", 30)


async def test_what_says_that_it_is_too_long_is_refused_with_its_length(decoder):
    with pytest.raises(TooLarge, match=r"^file lasts 1\.0 s; it may last at most 0\.5 s\.$"):
        await decoder.recording(SOUND, "file", 0.5)


async def test_exactly_the_longest_is_taken(decoder):
    recording = await decoder.recording(by_libsndfile("WAV", None, 16_000, 30.0), "file", 30)
    assert recording.seconds == 30


async def test_what_turns_out_to_be_too_long_is_refused_when_it_does(decoder):
    # ADTS says nothing of its length.
    with pytest.raises(TooLarge, match=r"^file lasts more than 1 s, the most that is"):
        await decoder.recording(by_ffmpeg("adts", "aac"), "file", 1)


@pytest.mark.parametrize("how", ["crash", "grow", "compute", "bug"])
async def test_a_file_that_breaks_its_decoder_is_refused_and_nothing_else_suffers(
    failing, how, caplog
):
    async with failing.opened(SOUND, "file", 30) as sound:
        with pytest.raises(InvalidInput, match=r"^file .* read") as raised:
            await failing.recording(how.encode(), "file", 30)
        assert "secret" not in str(raised.value)
        assert [len(window) async for window in sound.windows()] == [16_000]
    assert ("a secret" in caplog.text) == (how == "bug")


async def test_a_decoder_that_hangs_is_killed_and_started_again(failing, monkeypatch):
    failing.process.start()
    first = psutil.Process(failing.process.pid)
    with monkeypatch.context() as patched:
        patched.setattr(process, "ANSWER_SECONDS", 1.0)
        with pytest.raises(Unavailable, match="was restarted; send the request again"):
            await failing.recording(b"stop", "file", 30)
    assert not first.is_running()
    assert (await failing.recording(SOUND, "file", 30)).seconds == 1


async def test_one_that_stands_still_is_replaced_before_the_next_file(decoder, monkeypatch):
    monkeypatch.setattr(process, "BEGIN_SECONDS", 1.0)
    await decoder.recording(SOUND, "file", 30)
    first = psutil.Process(decoder.process.pid)
    first.suspend()
    many = [decoder.recording(SOUND, "file", 30) for _ in range(8)]
    assert [one.seconds for one in await asyncio.gather(*many)] == [1] * 8
    assert not first.is_running()


async def test_a_killed_decoder_is_started_again(decoder, wait_for):
    await decoder.recording(SOUND, "file", 30)
    async with decoder.opened(SOUND, "file", 30) as sound:
        (reading,) = psutil.Process(decoder.process.pid).children()
        os.kill(decoder.process.pid, signal.SIGKILL)
        await wait_for(lambda: not reading.is_running())
        with pytest.raises(Unavailable, match="was restarted; send the request again"):
            async for _ in sound.windows():
                pass
    assert (await decoder.recording(SOUND, "file", 30)).seconds == 1


async def test_who_leaves_leaves_no_process(decoder, held, wait_for):
    async with decoder.opened(by_libsndfile("WAV", None, 8000, 120.0), "file", 14_400) as sound:
        windows = sound.windows()
        await anext(windows)
        await windows.aclose()
    await wait_for(lambda: not psutil.Process(decoder.process.pid).children())
    waiting = asyncio.create_task(decoder.recording(SOUND, "file", 30))
    await asyncio.sleep(0)
    waiting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting
    await wait_for(lambda: not psutil.Process(decoder.process.pid).children())
    assert held.now == 0


async def test_more_bytes_than_may_be_held_are_refused(held, decoder):
    with held.hold(256 * 2**20 - len(SOUND) - 1000), pytest.raises(QueueFull, match="max_held"):
        await decoder.recording(SOUND, "file", 30)


async def test_more_files_than_may_be_open_are_refused(decoder, monkeypatch):
    monkeypatch.setattr(decoding, "MOST_FILES", 1)
    async with decoder.opened(SOUND, "file", 30):
        with pytest.raises(QueueFull, match="1 audio files are being read already"):
            await decoder.recording(SOUND, "file", 30)
    await decoder.recording(SOUND, "file", 30)


async def test_the_decoder_knows_no_secret_of_the_gateway(decoder, monkeypatch):
    monkeypatch.setenv("GREENROOM_API_KEYS", "admin:a-secret")
    decoder.process.stop()
    await decoder.recording(SOUND, "file", 30)
    assert "a-secret" not in str(psutil.Process(decoder.process.pid).environ())


async def test_the_decoder_ends_with_its_gateway(tmp_path, wait_for):
    program = (
        "import asyncio, sys\n"
        "from greenroom_speech.codec.decoder import Decoder\n"
        "from greenroom_speech.codec.process import CodecProcess\n"
        "from greenroom.gateway.held_bytes import HeldBytes\n"
        "async def main():\n"
        "    codec = CodecProcess()\n"
        "    decoder = Decoder(codec, HeldBytes(2**30))\n"
        "    async with decoder.opened(open(sys.argv[1], 'rb').read(), 'file', 30):\n"
        "        print(codec.pid, flush=True)\n"
        "        await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    path = tmp_path / "sound.wav"
    path.write_bytes(SOUND)
    gateway = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, path, stdout=asyncio.subprocess.PIPE
    )
    decoder = psutil.Process(int(await gateway.stdout.readline()))
    (reading,) = decoder.children()
    gateway.kill()
    await gateway.wait()
    await wait_for(lambda: not decoder.is_running() and not reading.is_running())
