"""A voice saved at one replica is spoken at another, from a shared folder and a shared bucket."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from s3_server import S3Server
from small_fleet import ADMIN, INFERENCE, Fleet

from greenroom_speech.voices import voice

pytestmark = [pytest.mark.long, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(params=["folder", "bucket"])
def speaking(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Fleet]:
    keys = f"admin:{ADMIN},inference:{INFERENCE}"
    with S3Server() as server:
        place = {"voices_dir": tmp_path / "voices"}
        if request.param == "bucket":
            place = {"voices_url": server.empty_place()}
        fleet = Fleet(tmp_path / "fleet", api_keys=keys, model_repository=None, **place)
        fleet.environment |= server.environment
        try:
            fleet.up("--replicas", "2")
            yield fleet
        finally:
            fleet.command("down")


def test_a_voice_saved_at_one_is_spoken_at_the_other(speaking: Fleet) -> None:
    henry = voice("henry")
    fields = {"name": "mine", "consent": "I agree.", "transcript": henry.transcript}
    # By the replicas' own doors: the fleet's chooses, and would take the same one for both.
    ours, theirs = speaking.own_doors()

    def say(at: httpx.Client, name: str) -> httpx.Response:
        return at.post(
            "/v1/audio/speech", json={"model": "speech", "input": "Hello.", "voice": name}
        )

    for one in (ours, theirs):
        assert say(one, "clara").status_code == 200  # no load is counted below
    assert say(theirs, "mine").status_code == 404
    recording = {"file": henry.path.read_bytes()}
    saved = ours.post("/v1/voices", files=recording, data=fields)
    assert saved.status_code == 201, saved.text
    began = time.monotonic()
    assert theirs.get("/v1/voices/mine").status_code == 200
    assert time.monotonic() - began < 1
    spoken = say(theirs, "mine")
    took = time.monotonic() - began
    assert spoken.status_code == 200, spoken.text
    print(f"spoken {took:.2f} s after it was saved")
    with speaking.client() as client:
        assert say(client, "mine").status_code == 200
    assert theirs.delete("/v1/voices/mine").status_code == 200
    assert ours.get("/v1/voices/mine").status_code == 404
