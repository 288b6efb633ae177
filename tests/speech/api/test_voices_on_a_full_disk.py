import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from voices_app import Sentences, VoicesApp, lying, sound

from greenroom_speech.api import voices_on_disk

KEPT = ["kept", "kept/audio.flac", "kept/voice.json"]


def test_a_disk_without_space_is_507_and_nothing_half_saved(tmp_path):
    program = [sys.executable, Path(__file__).with_name("full_disk.py"), str(tmp_path)]
    unshare = ["unshare", "--mount"]
    if not shutil.which("unshare") or subprocess.run([*unshare, "true"], check=False).returncode:
        pytest.skip("a mount namespace of its own needs more rights")
    run = subprocess.run([*unshare, *program], capture_output=True, text=True, check=True)
    found = json.loads(run.stdout)
    why = f"folder {tmp_path.name} on the server cannot be written (No space left on device)"
    full = [".filler", *KEPT]
    expected = {
        "save": (201, "", KEPT),
        "too large": (507, f"cannot be saved: {why}", KEPT),
        "save on a full disk": (507, f"cannot be saved: {why}", full),
        "correct": (507, f"cannot be changed: {why}", full),
        "read": (200, "", full),
        "delete": (200, "", [".filler"]),
    }
    for what, (status, sentence, left) in expected.items():
        told = found["told"][what]
        assert (told[0], told[2]) == (status, left), (what, told)
        assert sentence in told[1], what
    assert found["log"] == [f"{tmp_path} cannot be written: No space left on device."] * 3
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("number", [errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO])
@pytest.mark.parametrize("call", ["_write", "_sync"])
async def test_so_is_every_other_reason(number, call, tmp_path, monkeypatch):
    app, log = VoicesApp(tmp_path), Sentences()

    def fails(*given):
        raise OSError(number, os.strerror(number))

    await app.save("kept")
    monkeypatch.setattr(voices_on_disk, call, fails)
    answer = await app.save("mine")
    assert answer.status_code == 507
    assert os.strerror(number) in answer.json()["error"]["message"]
    assert lying(tmp_path) == KEPT
    assert len(log.said) == 1


async def test_a_recording_that_is_sent_touches_no_disk(tmp_path, monkeypatch):
    audio = sound(seconds=60)
    assert len(audio) > 2**20
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "no such folder"))
    app = VoicesApp(tmp_path)
    assert (await app.save("mine", audio)).status_code == 201


async def test_a_form_that_is_none_is_refused(tmp_path):
    kind = {"content-type": "multipart/form-data; boundary=x"}
    for content in (b"--x\r\nnonsense\r\n\r\n", b"--x\r\n\r\nwords\r\n--x--"):
        answer = await VoicesApp(tmp_path).web.post("/v1/voices", content=content, headers=kind)
        assert answer.status_code == 400, answer.text
        assert "multipart/form-data" in answer.json()["error"]["message"]
