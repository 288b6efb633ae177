"""What somebody else put into the folder of the voices harms no voice but itself."""

import json
import os
import shutil

import pytest
from voices_app import VoicesApp, sound

BUNDLED = ["clara", "henry", "lan", "wei"]
FACTS = {
    "name": "odd",
    "transcript": "some words",
    "language": "en",
    "seconds": 0.3,
    "consent": "I agree.",
    "created": 7,
}


def facts(place, content):
    (place / "voice.json").write_bytes(content)


def changed(**fields):
    return lambda place: facts(place, json.dumps(FACTS | fields).encode())


def linked(name):
    def link(place):
        outside = place.parent.parent / "outside"
        target = place / name if name else place
        shutil.move(target, outside)
        target.symlink_to(outside)

    return link


def pipe(place):
    (place / "voice.json").unlink()
    os.mkfifo(place / "voice.json")


ODD = {
    "a number as name": (changed(name=5), "name is 5: it must be a string"),
    "a text as seconds": (changed(seconds="x"), 'seconds is "x": it must be a number'),
    "not a number of seconds": (changed(seconds=float("nan")), "finite number"),
    "null": (changed(transcript=None), "transcript is null"),
    "another's name": (changed(name="else"), "name is 'else'; it must be the folder's, 'odd'"),
    "a field less": (lambda place: facts(place, b'{"name": "odd"}'), "transcript is missing"),
    "a book as transcript": (changed(transcript="x" * 4001), "at most 4000 characters"),
    "not JSON": (lambda place: facts(place, b"name = odd"), "Invalid JSON"),
    "not UTF-8": (
        lambda place: facts(place, json.dumps(FACTS).encode().replace(b"odd", b"\xff\xfe")),
        "Invalid JSON",
    ),
    "half a pair": (changed(transcript="\ud800"), "Invalid JSON"),
    "a list": (lambda place: facts(place, b"[1, 2]"), "Input should be an object"),
    "empty": (lambda place: facts(place, b""), "Invalid JSON"),
    "no facts": (lambda place: (place / "voice.json").unlink(), "voice.json is missing"),
    "a pipe": (pipe, "voice.json is not a regular file"),
    "no recording": (lambda place: (place / "audio.flac").unlink(), "is lost"),
    "an empty recording": (lambda place: (place / "audio.flac").write_bytes(b""), "is lost"),
    "a link as folder": (linked(None), "it is a symbolic link"),
    "a link as facts": (linked("voice.json"), "voice.json is not a regular file"),
    "a link as recording": (linked("audio.flac"), "audio.flac is not a regular file"),
}


@pytest.mark.parametrize(("harm", "why"), ODD.values(), ids=list(ODD))
async def test_an_odd_one_is_left_out_with_one_warning(harm, why, tmp_path, caplog):
    folder = tmp_path / "voices"
    app = VoicesApp(folder)
    for name in ("good", "odd"):
        assert (await app.save(name)).status_code == 201
    assert await app.names() == [*BUNDLED, "good", "odd"]
    harm(folder / "odd")
    status = 410 if why == "is lost" else 404
    for _ in range(2):
        assert await app.names() == [*BUNDLED, "good"]
        assert (await app.web.get("/v1/voices/odd")).status_code == status
        answer = await app.web.get("/v1/voices/odd/audio")
        assert (answer.status_code, answer.json()["error"]["param"]) == (status, None)
        assert (await app.web.get("/v1/voices/good/audio")).content == sound()
    assert (await app.save("Odd")).status_code == 409
    [warning] = caplog.records
    assert f"{folder}/odd is left out of the voices: " in warning.getMessage()
    assert why in warning.getMessage()


async def test_a_mended_one_is_back_and_one_without_recording_can_be_deleted(tmp_path):
    app = VoicesApp(tmp_path)
    await app.save("mine")
    (tmp_path / "mine" / "audio.flac").rename(tmp_path / "mine" / "away")
    answer = await app.web.get("/v1/voices/mine/preview")
    assert answer.status_code == 410
    assert "The recording of voice 'mine' is lost" in answer.json()["error"]["message"]
    (tmp_path / "mine" / "away").rename(tmp_path / "mine" / "audio.flac")
    assert await app.names() == [*BUNDLED, "mine"]
    (tmp_path / "mine" / "audio.flac").unlink()
    assert (await app.web.delete("/v1/voices/mine")).status_code == 200
    assert list(tmp_path.iterdir()) == []


async def test_files_and_folders_of_other_kinds_are_nothing(tmp_path, caplog):
    (tmp_path / "README").write_text("Voices")
    (tmp_path / "lost+found").mkdir()
    (tmp_path / ".git").mkdir()
    assert await VoicesApp(tmp_path).names() == BUNDLED
    assert not caplog.records


async def test_bundled_voices_need_no_folder(tmp_path, caplog):
    (tmp_path / "voices").write_text("no folder")
    app = VoicesApp(tmp_path / "voices")
    for _ in range(2):
        assert await app.names() == BUNDLED
    assert len(caplog.records) == 1
