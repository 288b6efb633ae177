import os
import signal
import subprocess
import sys
import textwrap

import pytest

from greenroom.errors import Conflict, InvalidInput
from greenroom_speech.api.voice_facts import SavedVoice
from greenroom_speech.api.voices_on_disk import VoicesOnDisk
from greenroom_speech.api.voices_store import UnknownVoice, VoicesStore

HOSTILE = [
    "",
    ".",
    "..",
    "../escape",
    "a/b",
    "/etc/passwd",
    "a\\b",
    "a\0b",
    "a\nb",
    ".hidden",
    " leading",
    "trailing ",
    "trailing.",
    "a..b",
    "con:stream",
    "x" * 65,
    "语" * 70,
    "a\u202eb",
    "<script>",
    "a;rm -rf b",
    "%2e%2e%2f",
    "~root",
    "-rf",
]


def saved(store, name, audio=b"fLaC"):
    return store.save(SavedVoice(name, "some words", "en", 1.0, "I agree.", 7), audio)


def test_a_saved_voice_is_found_by_name(tmp_path):
    store = VoicesStore(VoicesOnDisk(tmp_path / "voices"))
    saved(store, "Ämy 2.0", b"sound")
    found = VoicesStore(VoicesOnDisk(tmp_path / "voices")).get("Ämy 2.0")
    assert (found.transcript, found.consent, found.bundled) == ("some words", "I agree.", False)
    assert found.path.read_bytes() == b"sound"
    assert [voice.name for voice in store.all()] == ["clara", "henry", "lan", "wei", "Ämy 2.0"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_refused_and_writes_nothing(tmp_path, name):
    store = VoicesStore(VoicesOnDisk(tmp_path / "voices"))
    with pytest.raises(InvalidInput, match="name"):
        saved(store, name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["clara", "CLARA", "mine", "Mine"])
def test_a_name_that_is_taken_is_refused(tmp_path, name):
    store = VoicesStore(VoicesOnDisk(tmp_path))
    saved(store, "mine")
    with pytest.raises(Conflict, match="exists already"):
        saved(store, name)


def test_the_words_can_be_corrected(tmp_path):
    store = VoicesStore(VoicesOnDisk(tmp_path))
    saved(store, "mine")
    assert store.correct("mine", "other words").transcript == "other words"
    assert store.get("mine").transcript == "other words"


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("name", ["mine", "MINE"])
def test_a_deleted_voice_is_gone_and_its_name_free(tmp_path, name, lost):
    store = VoicesStore(VoicesOnDisk(tmp_path))
    saved(store, "mine")
    if lost:
        (tmp_path / "mine" / "audio.flac").unlink()
    store.delete(name)
    assert list(tmp_path.iterdir()) == []
    saved(store, "mine")


def test_bundled_voices_stay(tmp_path):
    store = VoicesStore(VoicesOnDisk(tmp_path))
    with pytest.raises(Conflict, match="comes with Greenroom"):
        store.delete("clara")


def test_an_unknown_voice_names_those_that_there_are(tmp_path):
    with pytest.raises(UnknownVoice, match=r"similar names are clara\."):
        VoicesStore(VoicesOnDisk(tmp_path)).get("../clara")
    with pytest.raises(UnknownVoice, match="one of clara, henry, lan, wei"):
        VoicesStore(VoicesOnDisk(tmp_path)).get("../..")


@pytest.mark.slow
def test_kill_9_loses_no_voice_that_was_acknowledged_and_leaves_no_half_one(tmp_path):
    program = textwrap.dedent("""
        import sys
        from pathlib import Path
        from greenroom_speech.api.voice_facts import SavedVoice
        from greenroom_speech.api.voices_on_disk import VoicesOnDisk
        from greenroom_speech.api.voices_store import VoicesStore
        store = VoicesStore(VoicesOnDisk(Path(sys.argv[1])))
        for number in range(100):
            name = f"{sys.argv[2]}-{number}"
            store.save(SavedVoice(name, "words", "en", 1.0, "I agree.", 7), b"x" * 200_000)
            print(name, flush=True)
    """)
    acknowledged = []
    for run in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path), f"run{run}"],
            stdout=subprocess.PIPE,
            text=True,
        )
        with process:
            for line in process.stdout:
                acknowledged.append(line.strip())
                if line.strip() == f"run{run}-{5 + 7 * run}":
                    os.kill(process.pid, signal.SIGKILL)
    store = VoicesStore(VoicesOnDisk(tmp_path))
    kept = {voice.name: voice for voice in store.all() if not voice.bundled}
    assert len(acknowledged) >= 60
    assert set(acknowledged) <= set(kept)
    assert all(len(voice.path.read_bytes()) == 200_000 for voice in kept.values())
    store.clear_partial()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
