"""``greenroom pull`` and ``doctor --models`` as processes, against a local hub."""

import asyncio
import os
import signal
import sys

import pytest
from hub_server import Hub, sha256

from greenroom_speech.checkpoints.releases import EDITX, EDITX_AWQ, TOKENIZER

pytestmark = pytest.mark.slow

PIECE = 10 * 2**20
"""What the library writes at a time."""


@pytest.fixture
def hub():
    repositories = {
        release.huggingface: {file.path: content(file.path) for file in release.files}
        for release in (EDITX, EDITX_AWQ, TOKENIZER)
    }
    with Hub(repositories) as hub:
        yield hub


def content(path):
    return b'{"weight_map": {}}' if path.endswith(".json") else path.encode() * 100


@pytest.fixture
def command(hub, tmp_path):
    """Return a starter of ``greenroom`` with a folder of its own."""

    async def command(*arguments, **environment):
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            "from greenroom_client.cli import main; main()",
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={
                **os.environ,
                "HF_ENDPOINT": hub.url,
                "MODELSCOPE_ENDPOINT": hub.url,
                "GREENROOM_MODELS_DIR": str(tmp_path / "models"),
                **environment,
            },
        )

    return command


@pytest.fixture
def greenroom(command):
    """Return a runner of ``greenroom``; answers exit code, stdout and stderr."""

    async def greenroom(*arguments, **environment):
        process = await command(*arguments, **environment)
        out, err = await process.communicate()
        assert b"Traceback" not in err
        return process.returncode, out.decode(), err.decode()

    return greenroom


async def test_both_repositories_are_pulled_and_the_doctor_finds_them(hub, greenroom, tmp_path):
    pulled = await greenroom("pull", "step-audio", "--revision", "main")
    assert pulled[0] == 0
    assert pulled[1].endswith("models has all 13 files.\n")
    for release in (EDITX, TOKENIZER):
        for file in release.files:
            there = tmp_path / "models" / release.folder / file.path
            assert there.read_bytes() == content(file.path)
    code, out, _ = await greenroom("doctor", "--models", str(tmp_path / "models"), COLUMNS="200")
    assert code == 1
    assert "model-00001.safetensors" in out
    (asr,) = [line for line in out.splitlines() if line.startswith("asr")]
    assert asr.rstrip().endswith("cannot run: 1 of its files missing or wrong")


async def test_the_release_in_4_bit_comes_without_the_other_language_model(greenroom, tmp_path):
    code, out, _ = await greenroom("pull", "step-audio-awq", "--revision", "main")
    assert code == 0
    assert "2026-01-24, before the weights with the newest tags" in out.splitlines()[-1]
    models = tmp_path / "models"
    assert (models / "Step-Audio-EditX-AWQ-4bit" / "model.safetensors").exists()
    assert (models / "Step-Audio-EditX" / "tokenizer.model").exists()
    assert not list((models / "Step-Audio-EditX").glob("model*"))
    _, out, _ = await greenroom("doctor", "--models", str(models), COLUMNS="200")
    (packed,) = [line for line in out.splitlines() if "step-audio-editx in int4" in line]
    assert "of its files missing or wrong" in packed


async def test_a_killed_pull_goes_on_where_it_was(hub, command, greenroom, tmp_path, wait_for):
    name = "model-00001.safetensors"
    weights = os.urandom(2 * PIECE + 5_000_000)
    hub.files[EDITX.huggingface][name] = weights
    hub.stalls_after[name] = 2 * PIECE + 1_000_000
    pull = ("pull", "step-audio-editx", "--revision", "main")
    process = await command(*pull)
    folder = tmp_path / "models" / EDITX.folder
    parts = f".{name}.*.part"
    await wait_for(lambda: [one for one in folder.glob(parts) if one.stat().st_size == 2 * PIECE])
    process.send_signal(signal.SIGKILL)
    await process.wait()
    hub.resume.set()
    assert not (folder / name).exists()
    assert (await greenroom(*pull))[0] == 0
    assert hub.ranges[name] == [None, f"bytes={2 * PIECE}-"]
    assert (folder / name).read_bytes() == weights
    assert list(folder.glob(parts)) == []


async def test_failures_are_a_sentence_and_exit_with_1(hub, greenroom):
    assert await greenroom("pull", "step-audio") == (
        1,
        "",
        f"greenroom: {hub.url}/stepfun-ai/Step-Audio-EditX has a "
        "CosyVoice-300M-25Hz/campplus.onnx at revision "
        "0123456789abcdef0123456789abcdef01234567 of 3300 bytes with "
        f"{_digest(hub)}, but the released file has other contents (28303423 bytes, SHA-256 "
        "a6ac6a63997761ae2997373e2ee1c47040854b4b759ea41ec48e4e42df0f4d73); give a --revision to "
        "fetch it anyway.\n",
    )
    hub.status["/api"] = 404
    code, _, err = await greenroom("pull", "step-audio", "--source", "huggingface")
    assert code == 1
    assert err == (
        "greenroom: Hugging Face does not have stepfun-ai/Step-Audio-EditX at revision 'main': "
        "status 404.\n"
    )


def _digest(hub):
    return f"sha256:{sha256(content('CosyVoice-300M-25Hz/campplus.onnx'))}"


async def test_an_unknown_whisper_is_named_with_the_known_ones(greenroom):
    code, _, err = await greenroom("pull", "whisper", "--whisper-model", "huge")
    assert code == 1
    assert "Whisper model 'huge' is not released; it must be one of tiny.en, tiny," in err


@pytest.mark.parametrize(
    "arguments",
    [
        ("music",),
        ("--source", "ftp"),
        ("whisper", "--revision", "main"),
        ("--models", "/etc/hosts"),
    ],
)
async def test_wrong_usage_exits_with_2(greenroom, arguments):
    code, _, err = await greenroom("pull", *arguments)
    assert code == 2
    assert err
