"""Which model repositories a service has."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from greenroom.errors import SetupError
from greenroom.settings import PROJECT, Settings, triton
from greenroom.settings.exported import exported


def test_a_checkout_serves_its_own():
    assert Settings().repositories == (PROJECT / "model_repository", PROJECT / "ensemble")


def test_without_a_checkout_one_must_be_named(monkeypatch, tmp_path):
    monkeypatch.setattr(triton, "PROJECT", tmp_path)
    with pytest.raises(SetupError, match="name one with --model-repository"):
        _ = Settings().repositories
    assert Settings(model_repository=tmp_path).repositories == (tmp_path,)


@pytest.mark.parametrize(
    ("models", "ensembles", "expected"),
    [
        ("a", None, ["a"]),
        ("a:/b/c", None, ["a", "/b/c"]),
        ("a", "e", ["a", "e"]),
    ],
)
def test_several_folders_stand_in_one_variable(monkeypatch, models, ensembles, expected):
    monkeypatch.setenv("GREENROOM_MODEL_REPOSITORY", models)
    if ensembles:
        monkeypatch.setenv("GREENROOM_ENSEMBLE_REPOSITORY", ensembles)
    settings = Settings()
    assert settings.repositories == tuple(map(Path, expected))
    assert exported(settings)["GREENROOM_MODEL_REPOSITORY"] == models


def test_options_go_before_the_environment(monkeypatch):
    monkeypatch.setenv("GREENROOM_MODEL_REPOSITORY", "a")
    assert Settings.with_repositories(["b", "c"]).repositories == (Path("b"), Path("c"))
    assert Settings.with_repositories(None).repositories == (Path("a"),)


@pytest.mark.parametrize("url", ["s3://models/v1", "gs://models", "as://account/models"])
@pytest.mark.parametrize("name", ["MODEL_REPOSITORY", "ENSEMBLE_REPOSITORY"])
def test_a_url_is_refused(monkeypatch, name, url):
    monkeypatch.setenv(f"GREENROOM_{name}", url)
    with pytest.raises(ValidationError, match="a model repository must be a folder") as refused:
        Settings()
    assert refused.value.errors()[0]["input"] == url


def test_an_empty_name_is_not_the_current_folder():
    with pytest.raises(ValidationError, match=r"a model repository must be a folder; \. is"):
        Settings.with_repositories([""])


def test_a_url_among_folders_is_refused():
    with pytest.raises(ValidationError, match="a model repository must be a folder"):
        Settings(model_repository="models:s3://models")
