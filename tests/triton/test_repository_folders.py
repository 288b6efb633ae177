"""What is read from model repositories on disk."""

import os

from model_folders import write_ensemble, write_model

from greenroom.triton.repository import Repository


def test_several_folders_are_read_as_one(tmp_path):
    write_model(tmp_path / "models", "tts")
    write_ensemble(tmp_path / "ensembles", "speech", "tts")
    repository = Repository(tmp_path / "models", tmp_path / "ensembles", tmp_path / "absent")
    assert set(repository.models) == {"tts", "speech"}
    assert repository.models["tts"].folder == tmp_path / "models" / "tts"


def test_the_control_input_makes_a_model_controllable(tmp_path):
    write_model(tmp_path, "tts")
    write_model(tmp_path, "echo", controllable=False)
    models = Repository(tmp_path).models
    assert models["tts"].controllable
    assert not models["echo"].controllable


def test_the_steps_of_nested_ensembles_come_dependencies_first_and_each_once(tmp_path):
    for name in ("asr", "tokenizer", "tts"):
        write_model(tmp_path, name)
    write_ensemble(tmp_path, "prompt", "asr", "tokenizer")
    write_ensemble(tmp_path, "speech", "asr", "prompt", "tts", "tts")
    models = Repository(tmp_path).models
    assert models["speech"].steps == ("asr", "tokenizer", "prompt", "tts")
    assert models["prompt"].steps == ("asr", "tokenizer")
    assert models["tts"].steps == ()


def test_an_ensemble_that_contains_itself_ends(tmp_path):
    write_ensemble(tmp_path, "one", "two")
    write_ensemble(tmp_path, "two", "one")
    models = Repository(tmp_path).models
    assert models["one"].steps == ("two",)
    assert models["two"].steps == ("one",)


def test_a_step_that_no_repository_has_is_left_to_triton(tmp_path):
    write_ensemble(tmp_path, "speech", "nothing")
    assert Repository(tmp_path).models["speech"].steps == ()


def test_a_config_that_can_not_be_read_is_told_and_left_out(tmp_path, caplog):
    write_model(tmp_path, "tts")
    broken = write_model(tmp_path, "broken") / "config.pbtxt"
    for text in (b"input [ {", b"no_such_field: 1", b"\xff\xfe"):
        broken.write_bytes(text)
        caplog.clear()
        assert set(Repository(tmp_path).models) == {"tts"}
        assert str(broken) in caplog.text


def test_a_config_that_breaks_later_leaves_the_last_good_one(tmp_path):
    config = write_model(tmp_path, "tts") / "config.pbtxt"
    repository = Repository(tmp_path)
    config.write_text("input [ {")
    repository.scan()
    assert repository.models["tts"].controllable


def test_a_folder_that_is_added_is_noticed(tmp_path):
    write_model(tmp_path, "asr")
    repository = Repository(tmp_path)
    assert not repository.has("tts")
    write_model(tmp_path, "tts")
    later = tmp_path.stat().st_mtime_ns + 1_000_000
    os.utime(tmp_path, ns=(later, later))
    assert repository.has("tts")


def test_an_unknown_name_does_not_read_everything_again(tmp_path, monkeypatch):
    write_model(tmp_path, "asr")
    repository = Repository(tmp_path)
    scans = []
    monkeypatch.setattr(repository, "scan", lambda: scans.append(1))
    assert not repository.has("tts")
    assert not scans


def test_versions_are_numbers_in_their_order(tmp_path):
    folder = write_model(tmp_path, "tts")
    for name in ("10", "2", "notes"):
        (folder / name).mkdir()
    assert Repository(tmp_path).models["tts"].versions == ("1", "2", "10")


def test_the_fingerprint_changes_with_any_file_but_compiled_ones(tmp_path):
    folder = write_model(tmp_path, "tts")
    spec = Repository(tmp_path).models["tts"]
    first = spec.fingerprint()
    assert spec.fingerprint() == first
    (folder / "1" / "__pycache__").mkdir()
    (folder / "1" / "__pycache__" / "model.cpython-311.pyc").write_bytes(b"compiled")
    assert spec.fingerprint() == first
    (folder / "1" / "model.py").write_text("changed = True\n")
    second = spec.fingerprint()
    assert second != first
    (folder / "1" / "weights.bin").write_bytes(b"new")
    assert spec.fingerprint() not in (first, second)
