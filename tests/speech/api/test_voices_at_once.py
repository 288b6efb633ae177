"""Saves, reads, corrections and deletions of the same voice at the same time."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from voices_app import VoicesApp, lying, sound

from greenroom_speech.api import voices_on_disk
from greenroom_speech.api.voice_facts import SavedVoice
from greenroom_speech.api.voices_on_disk import VoicesOnDisk
from greenroom_speech.api.voices_store import UnknownVoice, VoicesStore


@pytest.fixture
def app(place):
    return VoicesApp(place())


def saved(store, name, audio=b"fLaC"):
    return store.save(SavedVoice(name, "some words", "en", 1.0, "I agree.", 7), audio)


@pytest.mark.parametrize("names", [("mine", "mine"), ("mine", "MINE")])
async def test_of_two_saves_of_one_name_one_wins(app, names):
    both = asyncio.Barrier(2)
    app.models.meanwhile = both.wait  # each has found its name free
    answers = await asyncio.gather(*map(app.save, names))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert len(await app.names()) == 5


async def test_whatever_comes_together_each_gets_an_answer_that_is_true(app, place, tmp_path):
    sounds = {sound(seed=seed) for seed in range(3)}
    expected = {"save": {201, 409}, "patch": {200, 404}, "delete": {200, 404}, "get": {200, 404}}
    seen = {kind: set() for kind in expected}

    async def ask(kind, call):
        answer = await call
        seen[kind].add(answer.status_code)
        return answer

    for _ in range(25):
        calls = [
            *(ask("save", app.save(name, audio)) for name in ("Mine", "mine") for audio in sounds),
            *(
                ask("patch", app.web.patch("/v1/voices/mine", json={"transcript": "new"}))
                for _ in range(2)
            ),
            *(ask("delete", app.web.delete(f"/v1/voices/{name}")) for name in ("mine", "Mine")),
        ]
        reads = [ask("get", app.web.get("/v1/voices/mine/audio")) for _ in range(4)]
        for answer in (await asyncio.gather(*calls, *reads))[-len(reads) :]:
            assert answer.status_code == 404 or answer.content in sounds
        names = [name.casefold() for name in await app.names()]
        assert len(names) == len(set(names))
    assert all(seen[kind] <= allowed for kind, allowed in expected.items()), seen
    assert not [path for path in lying(tmp_path) if "partial" in path]


@pytest.mark.parametrize("anew", [False, True])
def test_a_recording_that_is_deleted_while_it_is_read(place, monkeypatch, anew):
    store, other = VoicesStore(place()), VoicesStore(place())
    saved(store, "mine", b"old")
    content = VoicesStore._content

    def late(self, voice):
        monkeypatch.setattr(VoicesStore, "_content", content)
        other.delete("mine")
        if anew:
            saved(other, "mine", b"new")
            other.correct("mine", "new words")
        return content(self, voice)

    monkeypatch.setattr(VoicesStore, "_content", late)
    if anew:
        voice, audio = store.recording("mine")
        assert (voice.transcript, audio) == ("new words", b"new")
    else:
        with pytest.raises(UnknownVoice):
            store.recording("mine")


def test_another_service_may_share_the_place(place):
    ours, theirs = VoicesStore(place()), VoicesStore(place())
    saved(ours, "mine")
    assert theirs.get("mine").transcript == "some words"
    ours.correct("mine", "other words")
    assert theirs.get("mine").transcript == "other words"
    theirs.delete("mine")
    assert [voice.name for voice in ours.all() if not voice.bundled] == []


def test_of_hundreds_of_voices_one_is_found_by_opening_one(tmp_path, monkeypatch):
    store = VoicesStore(VoicesOnDisk(tmp_path))
    monkeypatch.setattr(voices_on_disk, "_sync", lambda folder: None)
    monkeypatch.setattr(os, "fsync", lambda file: None)
    monkeypatch.setattr(store, "check_free", lambda name: name)
    for number in range(300):
        saved(store, f"voice {number:03}")
    opened = []
    real = os.open
    monkeypatch.setattr(
        os, "open", lambda *given, **more: opened.append(given[0]) or real(*given, **more)
    )
    assert VoicesStore(VoicesOnDisk(tmp_path)).get("voice 250").transcript == "some words"
    assert opened == [tmp_path / "voice 250", "voice.json"]
    with pytest.raises(UnknownVoice) as refusal:
        store.get("Zarathustra")
    named = str(refusal.value).split("one of ")[1]
    assert named.count(", ") == 19
    assert named.endswith("voice 015 or another that GET /v1/voices lists.")
    assert len(store.all()) == 304


def test_voices_are_listed_while_others_come_and_go(place):
    store = VoicesStore(place())
    saved(store, "kept")

    def come_and_go(number):
        for _ in range(25):
            saved(store, f"voice {number}")
            store.get(f"voice {number}")
            store.delete(f"voice {number}")

    with ThreadPoolExecutor(4) as pool:
        going = [pool.submit(come_and_go, number) for number in range(4)]
        while not all(one.done() for one in going):
            assert "kept" in [voice.name for voice in store.all()]
        for one in going:
            one.result()
    assert [voice.name for voice in store.all() if not voice.bundled] == ["kept"]
