"""Saved voices on an S3 server, by the settings that users have."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import obstore
import pytest
from obstore.store import from_url
from pydantic import ValidationError
from voices_app import Sentences, VoicesApp, sound

from greenroom.errors import Conflict, Unavailable
from greenroom.settings import Settings
from greenroom_speech.api import voices_in_bucket
from greenroom_speech.api.voice_facts import NoRecording, SavedVoice
from greenroom_speech.api.voice_places import voices_place
from greenroom_speech.api.voices_store import UnknownVoice, VoicesStore
from greenroom_speech.settings import VoiceSettings
from greenroom_speech.voices import voice as bundled

REAL = {
    name: Settings.model_fields[name].default
    for name in ("model_repository", "ensemble_repository")
}


def store_at(url):
    return VoicesStore(voices_place(VoiceSettings(voices_url=url)))


def saved(store, name, audio=b"fLaC", words="some words"):
    return store.save(SavedVoice(name, words, "en", 1.0, "I agree.", 7), audio)


def by_hand(url):
    return from_url(url, client_options={"allow_http": True})


def objects(url):
    return sorted(one["path"] for chunk in obstore.list(by_hand(url)) for one in chunk)


def test_a_voice_saved_by_one_service_is_anothers_at_once(bucket):
    ours, theirs = store_at(bucket), store_at(bucket)
    assert len(theirs.all()) == 4
    saved(ours, "Ämy 2.0", b"sound")
    assert [voice.name for voice in theirs.all()] == ["clara", "henry", "lan", "wei", "Ämy 2.0"]
    found, audio = theirs.recording("Ämy 2.0")
    assert (found.transcript, found.consent, audio) == ("some words", "I agree.", b"sound")
    theirs.correct("Ämy 2.0", "other words")
    assert ours.get("Ämy 2.0").transcript == "other words"
    ours.delete("Ämy 2.0")
    with pytest.raises(UnknownVoice, match="one of clara, henry, lan, wei"):
        theirs.recording("Ämy 2.0")
    assert objects(bucket) == []


async def test_the_routes_are_the_same(bucket):
    app = VoicesApp(voices_place(VoiceSettings(voices_url=bucket)))
    assert (await app.save("mine", sound())).status_code == 201
    assert (await app.save("MINE")).status_code == 409
    assert "mine" in await app.names()
    assert (await app.web.get("/v1/voices/mine/audio")).content == sound()
    assert (await app.web.delete("/v1/voices/mine")).status_code == 200
    assert (await app.web.get("/v1/voices/mine/audio")).status_code == 404


def test_of_many_services_that_save_one_name_one_wins(bucket):
    stores = [store_at(bucket) for _ in range(8)]

    def save(number):
        name = "mine" if number % 2 else "Mine"
        try:
            return saved(stores[number], name, str(number).encode(), f"words of {number}")
        except Conflict:
            return None

    with ThreadPoolExecutor(len(stores)) as pool:
        [won] = [voice for voice in pool.map(save, range(len(stores))) if voice]
    for store in stores:
        found, audio = store.recording(won.name)
        assert found.transcript == f"words of {audio.decode()}"
    assert len(objects(bucket)) == 2  # nothing is left of those that lost


def test_a_correction_of_what_was_changed_meanwhile_is_refused(bucket, monkeypatch):
    ours, theirs = store_at(bucket), store_at(bucket)
    saved(ours, "mine")
    put = obstore.put

    def late(*given, **more):
        monkeypatch.setattr(voices_in_bucket.obstore, "put", put)
        theirs.correct("mine", "theirs")
        return put(*given, **more)

    monkeypatch.setattr(voices_in_bucket.obstore, "put", late)
    with pytest.raises(Conflict, match="at the same time"):
        ours.correct("mine", "ours")
    assert theirs.get("mine").transcript == "theirs"


def test_a_correction_does_not_bring_back_what_was_deleted_meanwhile(bucket, monkeypatch):
    ours, theirs = store_at(bucket), store_at(bucket)
    saved(ours, "mine")
    put = obstore.put

    def late(*given, **more):
        monkeypatch.setattr(voices_in_bucket.obstore, "put", put)
        theirs.delete("mine")
        return put(*given, **more)

    monkeypatch.setattr(voices_in_bucket.obstore, "put", late)
    with pytest.raises(Conflict, match="at the same time"):
        ours.correct("mine", "ours")
    assert objects(bucket) == []


def test_an_answer_that_was_lost_does_not_make_a_save_fail(bucket, monkeypatch):
    """The client of the store asks again by itself, and is told that the object is there."""
    store, put = store_at(bucket), obstore.put

    def twice(*given, **more):
        put(*given, **more)
        return put(*given, **more)

    monkeypatch.setattr(voices_in_bucket.obstore, "put", twice)
    assert saved(store, "mine", b"sound").transcript == "some words"
    assert store.recording("mine")[1] == b"sound"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "Invalid JSON"),
        (b'{"name": "odd"}', "transcript"),
        (
            b'{"name": "other", "transcript": "", "language": "", "seconds": 1.0, "consent": "",'
            b' "created": 1, "recording": "recordings/0123456789abcdef0123456789abcdef.flac"}',
            "which belongs to another object",
        ),
        (
            b'{"name": "odd", "transcript": "", "language": "", "seconds": 1.0, "consent": "",'
            b' "created": 1, "recording": "other.json"}',
            "names no recording",
        ),
    ],
)
def test_what_is_no_voice_is_left_out_with_a_sentence(bucket, content, said):
    store, log = store_at(bucket), Sentences()
    saved(store, "mine")
    obstore.put(by_hand(bucket), "odd.json", content)
    assert [voice.name for voice in store.all()][4:] == ["mine"]
    with pytest.raises(UnknownVoice):
        store.get("odd")
    assert len(log.said) == 1
    assert log.said[0].startswith(f"{bucket}/odd.json is left out of the voices: ")
    assert said in log.said[0]
    with pytest.raises(Conflict):
        saved(store, "ODD")


def test_a_recording_that_is_lost_is_said_to_be(bucket):
    store = store_at(bucket)
    voice = saved(store, "mine")
    obstore.delete(by_hand(bucket), str(voice.path))
    with pytest.raises(NoRecording):
        store.recording("mine")


def test_a_store_that_is_not_there_leaves_the_bundled_voices(bucket, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    store = store_at(bucket)
    store.clear_partial()
    assert store.recording("clara")[0].bundled
    for ask in (store.all, lambda: store.get("mine"), lambda: saved(store, "mine")):
        with pytest.raises(Unavailable, match="bundled voices do"):
            ask()


def test_a_bucket_that_is_not_there_is_no_empty_one(bucket):
    with pytest.raises(Unavailable):
        store_at("s3://nobody/x").all()


@pytest.mark.parametrize("url", ["file:///x", "s3:bucket", "s3://key@bucket", "s3://b/x?y=1"])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(ValidationError, match="voices_url"):
        VoiceSettings(voices_url=url)


@pytest.mark.slow
def test_kill_9_leaves_no_half_voice_and_its_remains_go(bucket, monkeypatch):
    program = textwrap.dedent("""
        import sys
        from greenroom_speech.api.voice_facts import SavedVoice
        from greenroom_speech.api.voice_places import voices_place
        from greenroom_speech.api.voices_store import VoicesStore
        from greenroom_speech.settings import VoiceSettings
from greenroom_speech.voices import voice as bundled
        store = VoicesStore(voices_place(VoiceSettings(voices_url=sys.argv[1])))
        for number in range(100):
            name = f"{sys.argv[2]}-{number}"
            store.save(SavedVoice(name, "words", "en", 1.0, "I agree.", 7), b"x" * 200_000)
            print(name, flush=True)
    """)
    acknowledged = []
    for run in range(2):
        process = subprocess.Popen(
            [sys.executable, "-c", program, bucket, f"run{run}"],
            stdout=subprocess.PIPE,
            text=True,
            env=dict(os.environ),
        )
        with process:
            for line in process.stdout:
                acknowledged.append(line.strip())
                if line.strip() == f"run{run}-{3 + 2 * run}":
                    os.kill(process.pid, signal.SIGKILL)
    store = store_at(bucket)
    kept = [voice.name for voice in store.all() if not voice.bundled]
    assert set(acknowledged) <= set(kept)
    assert all(len(store.recording(name)[1]) == 200_000 for name in kept)
    left = f"recordings/{'0' * 32}.flac"
    obstore.put(by_hand(bucket), left, b"half")
    store.clear_partial()
    assert left in objects(bucket)  # it may be a save that still runs
    monkeypatch.setattr(voices_in_bucket, "_FORGOTTEN_AFTER", timedelta())
    store.clear_partial()
    assert len(objects(bucket)) == 2 * len(kept)
    assert all(len(store.recording(name)[1]) == 200_000 for name in kept)


@pytest.mark.long
async def test_what_one_service_saves_another_speaks_within_a_second(start, bucket, s3_server):
    """The variables of the provider reach the process that keeps the voices."""
    environment = {"GREENROOM_VOICES_URL": bucket, **s3_server.environment}
    ours, theirs = [await start(**REAL, environment=environment) for _ in range(2)]
    fields = {"name": "mine", "consent": "I agree.", "transcript": bundled("henry").transcript}
    async with httpx.AsyncClient(timeout=120) as web:

        async def say(service, name):
            body = {"model": "speech", "input": "Hello.", "voice": name}
            return await web.post(f"{service.service.url}/v1/audio/speech", json=body)

        assert (await say(theirs, "clara")).status_code == 200  # loaded, so no second is its load's
        assert (await say(theirs, "mine")).status_code != 200
        recording = bundled("henry").path.read_bytes()
        saved = await web.post(
            f"{ours.service.url}/v1/voices", files={"file": recording}, data=fields
        )
        assert saved.status_code == 201, saved.text
        began = time.monotonic()
        answer = await web.get(f"{theirs.service.url}/v1/voices/mine")
        assert time.monotonic() - began < 1
        assert answer.status_code == 200
        assert (await say(theirs, "mine")).status_code == 200
