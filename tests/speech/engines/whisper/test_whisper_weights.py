"""Checkpoints that are missing, broken or of another kind: each is named in a sentence."""

import io
import pickle
from dataclasses import asdict

import pytest
import torch
from tiny_checkpoints import tiny_whisper

from greenroom.errors import SetupError
from greenroom_speech.engines.whisper.weights import located, read
from greenroom_speech.settings import EngineSettings


def settings(folder, model):
    return EngineSettings(models_dir=folder, whisper_model=model)


@pytest.mark.parametrize(
    ("model", "file"),
    [("large-v3", "large-v3"), ("large", "large-v3"), ("turbo", "large-v3-turbo"), ("my", "my")],
)
def test_a_name_is_looked_up_in_the_models_folder(tmp_path, model, file):
    path = tmp_path / "whisper" / f"{file}.pt"
    path.parent.mkdir()
    path.touch()
    assert located(settings(tmp_path, model)) == path


def test_a_path_is_taken_as_it_is(tmp_path):
    path = tmp_path / "elsewhere.pt"
    path.touch()
    assert located(settings(tmp_path / "models", str(path))) == path


@pytest.mark.parametrize(
    ("model", "way_out"),
    [
        ("large-v3", "`greenroom pull whisper --whisper-model large-v3` fetches it"),
        ("my", "GREENROOM_WHISPER_MODEL must name a file or one of OpenAI's models"),
    ],
)
def test_a_missing_file_is_named_with_the_way_out(tmp_path, model, way_out):
    with pytest.raises(SetupError) as raised:
        located(settings(tmp_path, model))
    path = tmp_path / "whisper" / f"{model}.pt"
    assert str(raised.value) == f"Whisper checkpoint {path} is missing; {way_out}."


@pytest.mark.parametrize("zipped", [True, False])
def test_a_checkpoint_is_read(tmp_path, network, zipped):
    state = network.state_dict()
    content = {"dims": asdict(network.dims), "model_state_dict": state}
    torch.save(content, tmp_path / "a.pt", _use_new_zipfile_serialization=zipped)
    found = read(tmp_path / "a.pt")
    assert found.dims == network.dims
    assert all(torch.equal(found.state[name], tensor) for name, tensor in state.items())


class Evil:
    def __reduce__(self):
        return (pytest.fail, ("a checkpoint was executed",))


DIMS = asdict(tiny_whisper.sizes())


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"weights": {}}, "must hold dims and model_state_dict"),
        ([1, 2], "must hold dims and model_state_dict"),
        ({"dims": {}, "model_state_dict": {}}, "dims of Whisper checkpoint .* must be n_audio_ctx"),
        ({"dims": DIMS | {"n_mels": 64}}, "n_mels of Whisper .* is 64; it must be 80 or 128"),
        ({"dims": DIMS | {"n_vocab": 9}}, "n_vocab of Whisper .* is 9; it must be 51864 or"),
        ({"dims": DIMS | {"n_audio_ctx": 750}}, "n_audio_ctx .* is 750; it must be 1500"),
        ({"dims": DIMS | {"n_text_ctx": 10**9}}, "n_text_ctx .* is 1000000000; it must be 448"),
        ({"dims": DIMS | {"n_text_layer": 0}}, "n_text_layer of .* is 0; it must be > 0"),
        ({"dims": DIMS | {"n_text_layer": "2"}}, "n_text_layer of .* is '2'; it must be > 0"),
    ],
)
def test_another_kind_of_file_is_refused(tmp_path, content, sentence):
    if isinstance(content, dict) and "dims" in content:
        content = {"model_state_dict": {}, **content}
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(SetupError, match=sentence):
        read(tmp_path / "a.pt")


def saved(content):
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"words",
        saved({"dims": DIMS, "model_state_dict": {"a": torch.zeros(9)}})[:-40],
        saved({"dims": DIMS, "model_state_dict": Evil()}),
        pickle.dumps({"dims": DIMS, "model_state_dict": Evil()}),
    ],
    ids=["empty", "words", "cut", "objects", "pickle"],
)
def test_what_is_no_whole_checkpoint_is_refused_and_never_executed(tmp_path, content):
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(SetupError, match=r"a\.pt (is not a complete \.pt file|holds \S+Fail)"):
        read(tmp_path / "a.pt")
