"""Pulls from a local server that speaks the hubs' protocols, with the hubs' own libraries."""

import shutil

import huggingface_hub.constants
import pytest
from hub_server import COMMIT, Hub, sha256

from greenroom.errors import PullFailed
from greenroom_speech.checkpoints.hugging_face import HuggingFace
from greenroom_speech.checkpoints.manifest import Manifest
from greenroom_speech.checkpoints.model_scope import ModelScope
from greenroom_speech.checkpoints.openai_storage import OpenAIStorage
from greenroom_speech.checkpoints.pull import SPARE_BYTES, Pull
from greenroom_speech.checkpoints.releases import Release, ReleasedFile

WEIGHTS = bytes(range(256)) * 1000
FILES = {"config.json": b'{"hidden_size": 8}', "sub/flow.pt": WEIGHTS, "other.py": b"import os"}
RELEASE = Release(
    "voice",
    "Voice",
    (ReleasedFile("config.json"), ReleasedFile("sub/flow.pt", len(WEIGHTS))),
    huggingface="somebody/Voice",
    modelscope="someone/Voice",
)
NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def hub(monkeypatch):
    with Hub({"somebody/Voice": dict(FILES), "someone/Voice": dict(FILES)}) as hub:
        use(monkeypatch, hub.url, hub.url)
        yield hub


def use(monkeypatch, hugging_face, model_scope):
    """Let the libraries ask there; Hugging Face's has read its HF_ENDPOINT at import."""
    template = hugging_face + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", hugging_face)
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setenv("MODELSCOPE_ENDPOINT", model_scope)


@pytest.fixture
def pull(tmp_path):
    """Return a maker of pulls into one folder; the lines it told are `pull.lines`."""

    def pull(*sources, release=RELEASE, revision=None):
        pull.lines = []
        Pull(tmp_path / "models", sources, revision, pull.lines.append).run([release])

    pull.folder = tmp_path / "models"
    return pull


def files_of(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in (".pull.lock", "pulled.json")
    }


PULLED = {"Voice/config.json": FILES["config.json"], "Voice/sub/flow.pt": WEIGHTS}


@pytest.mark.parametrize("source", [HuggingFace, ModelScope])
def test_only_the_files_that_an_engine_reads_are_fetched(hub, pull, source):
    pull(source())
    assert files_of(pull.folder) == PULLED
    assert pull.lines[1].startswith(f"Voice/sub/flow.pt: 256.0 kB from {hub.url}")
    revision = Manifest(pull.folder).get("Voice/sub/flow.pt").revision
    assert revision == (COMMIT if source is HuggingFace else "master")


@pytest.mark.parametrize("source", [HuggingFace, ModelScope])
def test_a_second_pull_asks_nobody(hub, pull, source):
    pull(source())
    hub.asked.clear()
    pull(source())
    assert hub.asked == []
    assert pull.lines == [f"{pull.folder} has all 2 files."]


@pytest.fixture
def at_once(monkeypatch):
    """Let the library try again without waiting, and write what came in small pieces."""
    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 1000)
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda seconds: None)


def test_a_broken_connection_goes_on_where_it_broke(hub, pull, at_once):
    hub.breaks_after["sub/flow.pt"] = 100_000
    pull(HuggingFace())
    assert hub.ranges["sub/flow.pt"] == [None, "bytes=100000-"]
    assert files_of(pull.folder) == PULLED


def test_another_pull_goes_on_where_one_has_failed(hub, pull, at_once):
    hub.breaks_after["sub/flow.pt"] = 100_000
    hub.then_status["/cdn"] = 404
    with pytest.raises(PullFailed, match=r"/sub/flow\.pt answered with status 404"):
        pull(HuggingFace())
    assert not (pull.folder / "Voice/sub/flow.pt").exists()
    hub.status.clear()
    pull(HuggingFace())
    assert hub.ranges["sub/flow.pt"] == [None, "bytes=100000-"]
    assert files_of(pull.folder) == PULLED


def test_a_hub_that_breaks_off_is_followed_by_the_next_one(hub, pull, at_once):
    hub.breaks_after["sub/flow.pt"] = 100_000
    hub.then_status["/cdn"] = 503
    pull(HuggingFace(), ModelScope())
    assert hub.ranges["sub/flow.pt"] == [None, "bytes=100000-"]
    assert files_of(pull.folder) == PULLED
    assert f"{hub.url}/models/someone/Voice" in pull.lines[-2]


def test_a_hub_that_does_not_answer_is_followed_by_the_next_one(hub, pull, monkeypatch):
    use(monkeypatch, NOBODY, hub.url)
    pull(HuggingFace(), ModelScope())
    assert files_of(pull.folder) == PULLED


def test_a_hub_that_refuses_is_followed_by_the_next_one(hub, pull):
    hub.status["/api/models"] = 403
    pull(HuggingFace(), ModelScope())
    assert files_of(pull.folder) == PULLED


@pytest.mark.parametrize("source", [HuggingFace, ModelScope])
def test_what_is_no_hub_is_told(hub, pull, source):
    hub.strange = True
    with pytest.raises(PullFailed, match=rf"{source.name} \({hub.url}\) does not answer"):
        pull(source())


def test_no_hub_answers(pull, monkeypatch):
    use(monkeypatch, NOBODY, NOBODY)
    monkeypatch.setattr("modelscope_hub._legacy_api.time.sleep", lambda seconds: None)
    with pytest.raises(PullFailed, match=r"^Hugging Face .*:9\) cannot be.* ModelScope .*:9\) do"):
        pull(HuggingFace(), ModelScope())
    assert files_of(pull.folder) == {}


@pytest.mark.parametrize("wrong", [WEIGHTS[:-1] + b"x", WEIGHTS[:-1], WEIGHTS + b"x"])
def test_wrong_content_gets_no_name(hub, pull, at_once, wrong):
    hub.served["sub/flow.pt"] = wrong
    with pytest.raises(PullFailed, match=f"sha256 hash {sha256(WEIGHTS)}; it was removed"):
        pull(HuggingFace())
    assert set(files_of(pull.folder)) == {"Voice/config.json"}
    hub.served.clear()
    pull(HuggingFace())
    assert hub.ranges["sub/flow.pt"][-1] is None
    assert files_of(pull.folder) == PULLED


def test_a_small_file_with_wrong_content_gets_no_name(hub, pull):
    hub.served["config.json"] = b'{"hidden_size": 9}'
    with pytest.raises(PullFailed, match=r"^config\.json .* git hash"):
        pull(HuggingFace())
    assert files_of(pull.folder) == {}


@pytest.mark.parametrize("source", [HuggingFace, ModelScope])
def test_a_file_that_the_hub_lacks_is_named(hub, pull, source):
    for files in hub.files.values():
        del files["config.json"]
    with pytest.raises(PullFailed, match=r"Voice has no file config\.json at revision"):
        pull(source())


@pytest.mark.parametrize("source", [HuggingFace, ModelScope])
def test_an_unknown_repository_is_named(hub, pull, source):
    hub.files.clear()
    with pytest.raises(PullFailed, match=r"does not have some.*/Voice at revision .*status 404"):
        pull(source())


def test_another_file_than_the_released_one_needs_a_revision(hub, pull):
    hub.files["somebody/Voice"]["sub/flow.pt"] = b"retrained"
    with pytest.raises(PullFailed, match=r"of 9 bytes .*other contents \(256000 bytes"):
        pull(HuggingFace())
    assert files_of(pull.folder) == {}
    pull(HuggingFace(), revision="main")
    assert files_of(pull.folder)["Voice/sub/flow.pt"] == b"retrained"
    pull(HuggingFace())
    assert files_of(pull.folder)["Voice/sub/flow.pt"] == b"retrained"


def test_a_revision_replaces_what_is_different(hub, pull):
    pull(HuggingFace())
    hub.files["somebody/Voice"]["config.json"] = b"{}"
    pull(HuggingFace(), revision=COMMIT)
    assert files_of(pull.folder) == {**PULLED, "Voice/config.json": b"{}"}
    assert len(hub.ranges["sub/flow.pt"]) == 1


def test_a_file_put_there_by_hand_is_verified_and_kept(hub, pull):
    (pull.folder / "Voice/sub").mkdir(parents=True)
    (pull.folder / "Voice/sub/flow.pt").write_bytes(WEIGHTS)
    (pull.folder / "Voice/config.json").write_bytes(b'{"hidden_size": 7}')
    pull(HuggingFace())
    assert files_of(pull.folder) == PULLED
    assert list(hub.ranges) == ["config.json"]


def test_a_damaged_file_is_fetched_again(hub, pull):
    pull(HuggingFace())
    (pull.folder / "Voice/sub/flow.pt").write_bytes(WEIGHTS[:1000])
    pull(HuggingFace())
    assert files_of(pull.folder) == PULLED


def test_a_disk_with_too_little_room_is_refused_before_anything_is_fetched(hub, pull, monkeypatch):
    usage = shutil.disk_usage("/")._replace(free=SPARE_BYTES + 255_000)
    monkeypatch.setattr("greenroom_speech.checkpoints.pull.shutil.disk_usage", lambda path: usage)
    with pytest.raises(PullFailed, match=r"has 0\.27 GB free, but 0\.27 GB are needed"):
        pull(HuggingFace())
    assert hub.ranges == {}


def test_two_pulls_into_one_folder_do_not_mix(hub, pull):
    from filelock import FileLock

    pull.folder.mkdir()
    with FileLock(pull.folder / ".pull.lock"), pytest.raises(PullFailed, match="is running"):
        pull(HuggingFace())


def test_a_folder_that_can_not_be_made_is_named(hub, pull):
    pull.folder.write_text("a file")
    with pytest.raises(PullFailed, match=r"models cannot be written: File exists"):
        pull(HuggingFace())


def test_a_publisher_names_his_files_by_their_hash(hub, pull):
    hub.files["openai/whisper"] = {"tiny.pt": WEIGHTS}
    url = f"{hub.url}/cdn/openai/whisper/tiny.pt"
    release = Release(
        "whisper",
        "whisper",
        (ReleasedFile("tiny.pt", sha256=sha256(WEIGHTS)),),
        urls={"tiny.pt": url},
    )
    pull(HuggingFace(), OpenAIStorage(), release=release)
    assert files_of(pull.folder) == {"whisper/tiny.pt": WEIGHTS}
    hub.served["tiny.pt"] = b"x" * len(WEIGHTS)
    (pull.folder / "whisper/tiny.pt").unlink()
    with pytest.raises(PullFailed, match="it was removed"):
        pull(OpenAIStorage(), release=release)
