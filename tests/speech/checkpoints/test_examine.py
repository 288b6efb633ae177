"""What is said of a folder of checkpoints, file by file."""

import json
import pickle
import zipfile

import numpy as np
import pytest
from hub_server import git_blob, sha256

from greenroom_speech.checkpoints.digest import Digest
from greenroom_speech.checkpoints.examine import examine
from greenroom_speech.checkpoints.file_form import fault_of_form
from greenroom_speech.checkpoints.manifest import Manifest
from greenroom_speech.checkpoints.releases import EDITX, TOKENIZER, whisper


def found(folder, location, hashes=False, whisper_model="tiny"):
    held, _ = examine(folder, whisper_model, hashes)
    (one,) = [one for one in held if one.location == location]
    return one


def put(folder, location, content):
    path = folder / location
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_an_empty_folder_lacks_everything(tmp_path):
    held, engines = examine(tmp_path, "tiny", False)
    assert {one.found for one in held} == {"missing"}
    assert {(one.model, one.engine): len(one.lacks) for one in engines} == {
        ("asr", "whisper"): 1,
        ("tokenizer", "step-audio"): 6,
        ("tts", "step-audio-editx"): 7,
    }


def test_a_wrong_size_is_told_from_the_table(tmp_path):
    flow = "Step-Audio-EditX/CosyVoice-300M-25Hz/flow.pt"
    put(tmp_path, flow, b"short")
    assert found(tmp_path, flow).found == "has 5 bytes; it must have 615274252"


def test_a_wrong_hash_is_told_when_asked_for(tmp_path):
    put(tmp_path, "whisper/tiny.pt", b"words")
    assert found(tmp_path, "whisper/tiny.pt").right
    one = found(tmp_path, "whisper/tiny.pt", hashes=True)
    assert one.found.startswith("does not have the sha256 hash 65147644a518d12f")


@pytest.mark.parametrize("kind", ["sha256", "git"])
def test_what_was_pulled_counts_more_than_the_table(tmp_path, kind):
    flow = "Step-Audio-EditX/CosyVoice-300M-25Hz/flow.pt"
    content = b"another revision"
    put(tmp_path, flow, content)
    digest = Digest(kind, (sha256 if kind == "sha256" else git_blob)(content))
    Manifest(tmp_path).add(flow, len(content), digest, "a hub", "main")
    assert found(tmp_path, flow, hashes=True).found == "16 bytes (size, hash)"
    put(tmp_path, flow, b"Another revision")
    assert found(tmp_path, flow).right
    assert not found(tmp_path, flow, hashes=True).right


def test_a_broken_record_is_no_fault(tmp_path):
    (tmp_path / "pulled.json").write_text("{")
    put(tmp_path, "whisper/tiny.pt", b"words")
    assert found(tmp_path, "whisper/tiny.pt").found == "5 bytes (size not published)"


def test_an_unreadable_file_is_told(tmp_path):
    (tmp_path / "whisper").mkdir()
    (tmp_path / "whisper/tiny.pt").symlink_to("tiny.pt")
    told = found(tmp_path, "whisper/tiny.pt").found
    assert told == "unreadable: Too many levels of symbolic links"


def test_a_folder_in_place_of_a_file_is_told(tmp_path):
    (tmp_path / "whisper/tiny.pt").mkdir(parents=True)
    assert found(tmp_path, "whisper/tiny.pt").found == "is not a file"


def test_an_engine_whose_files_are_there_can_run(tmp_path):
    speaker = "Step-Audio-EditX/CosyVoice-300M-25Hz/campplus.onnx"
    manifest = Manifest(tmp_path)
    for location in [*TOKENIZER.locations(), speaker, *whisper("tiny").locations()]:
        content = b"x" if location.endswith("am.mvn") else b"{}"
        put(tmp_path, location, content)
        manifest.add(location, len(content), Digest("sha256", sha256(content)), "a hub", None)
    np.save(tmp_path / TOKENIZER.location(TOKENIZER.files[0]), np.zeros(3, np.float32))
    size = (tmp_path / TOKENIZER.location(TOKENIZER.files[0])).stat().st_size
    manifest.add(TOKENIZER.locations()[0], size, Digest("sha256", ""), "a hub", None)
    _, engines = examine(tmp_path, "tiny", False)
    lacks = {one.model: one.lacks for one in engines}
    assert lacks["asr"] == lacks["tokenizer"] == ()
    assert len(lacks["tts"]) == len(EDITX.files) - 1


def test_a_whisper_of_ones_own_lies_where_it_is(tmp_path):
    own = put(tmp_path / "elsewhere", "mine.pt", b"words")
    assert found(tmp_path / "models", str(own), whisper_model=str(own)).right
    assert found(tmp_path, "whisper/mine.pt", whisper_model="mine").found == "missing"
    _, engines = examine(tmp_path, "mine", False)
    assert engines[0].pull is None


def safetensors(ends, told=None):
    header = {"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, ends]}}
    text = json.dumps({"__metadata__": {"x": "y"}, **header}).encode()
    return len(text).to_bytes(8, "little") + text + b"\0" * (ends if told is None else told)


class Evil:
    def __reduce__(self):
        return (open, ("/tmp/executed", "w"))


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("a.safetensors", safetensors(4), None),
        ("a.safetensors", safetensors(4, told=3), "bytes, but its header says"),
        ("a.safetensors", safetensors(4)[:20], "is not a complete .safetensors file"),
        ("a.safetensors", b"{}", "is not a complete .safetensors file"),
        ("a.safetensors", b"\2" + b"\0" * 7 + b"[]", "is not a complete .safetensors file"),
        ("a.json", b"{}", None),
        ("a.json", b"{", "is not a complete .json file"),
        ("a.pt", b"PK\3\4 and no more", "is cut off"),
        ("a.pt", pickle.dumps(Evil()), None),
        ("a.onnx", b"anything", None),
        ("a.onnx", b"", "is empty"),
    ],
)
def test_the_form_of_a_file(tmp_path, name, content, fault):
    told = fault_of_form(put(tmp_path, name, content))
    assert (told is None) if fault is None else fault in told


def test_the_form_of_an_array(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros(100, np.float32))
    assert fault_of_form(path) is None
    path.write_bytes(path.read_bytes()[:-1])
    assert fault_of_form(path) == "is not a complete .npy file"
    np.save(path, np.array([Evil()], dtype=object))
    assert fault_of_form(path) == "is not a complete .npy file"


def test_the_form_of_an_archive(tmp_path):
    path = tmp_path / "a.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Evil()))
    assert fault_of_form(path) is None
    path.write_bytes(path.read_bytes()[:-30])
    assert fault_of_form(path) == "is cut off"
