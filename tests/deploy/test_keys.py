"""scripts/keys draws what docker-compose.yml mounts, and Greenroom reads it from there."""

import shutil
import subprocess

import pytest
from compose_file import compose
from pydantic import ValidationError

from greenroom.gateway.api_keys import Scope, api_keys
from greenroom.settings import PROJECT, Settings
from greenroom.settings.exported import exported
from greenroom.triton.environment import triton_environment
from greenroom.triton.installation import find_installation
from greenroom_speech.settings import PageSettings


@pytest.fixture
def secrets(tmp_path):
    (tmp_path / "scripts").mkdir()
    script = shutil.copy(PROJECT / "scripts" / "keys", tmp_path / "scripts")
    subprocess.run([script], check=True)
    return tmp_path / "secrets"


def test_it_draws_all_that_is_mounted(secrets):
    mounted = {one["file"] for one in compose()["secrets"].values()}
    assert {f"secrets/{path.name}" for path in secrets.iterdir()} == mounted
    drawn = {path.read_text() for path in secrets.iterdir()}
    assert len(drawn) == len(mounted)
    assert min(map(len, drawn)) > 40


def test_only_this_user_gets_at_them_but_every_container_reads_its_own(secrets):
    assert secrets.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in secrets.iterdir()} == {0o644}


def test_it_keeps_what_it_has_drawn_and_what_was_put_there(secrets):
    (secrets / "ui_password").write_text("curtain\n")
    before = {path.name: path.read_text() for path in secrets.iterdir()}
    subprocess.run([secrets.parent / "scripts" / "keys"], check=True)
    assert {path.name: path.read_text() for path in secrets.iterdir()} == before


def mounted(service, secrets, folder):
    """Return the settings of a container, which finds its secrets in a folder."""
    folder.mkdir()
    for one in compose()["services"][service]["secrets"]:
        shutil.copy(secrets / one["source"], folder / one["target"])
    return folder


def test_the_containers_find_their_keys(secrets, tmp_path, monkeypatch):
    service = mounted("greenroom", secrets, tmp_path / "service")
    monkeypatch.setenv("GREENROOM_SECRETS_DIR", str(service))
    keys = api_keys(Settings(host="0.0.0.0"))
    assert [keys.count(scope) for scope in Scope] == [1, 1]
    admin = (secrets / "admin_key").read_text().strip()
    keys.check(f"Bearer {admin}", Scope.ADMIN, "a test")
    monkeypatch.setenv("GREENROOM_SECRETS_DIR", str(mounted("ui", secrets, tmp_path / "page")))
    assert PageSettings().ui_key.get_secret_value() == admin


def test_the_environment_goes_before_the_secrets(secrets, monkeypatch):
    (secrets / "greenroom_log_level").write_text("ERROR\n")
    monkeypatch.setenv("GREENROOM_SECRETS_DIR", str(secrets))
    assert Settings().log_level == "ERROR"
    monkeypatch.setenv("GREENROOM_LOG_LEVEL", "DEBUG")
    assert Settings().log_level == "DEBUG"


def test_models_know_of_no_secret(secrets, monkeypatch):
    (secrets / "greenroom_ui_password").write_text("curtain\n")
    monkeypatch.setenv("GREENROOM_SECRETS_DIR", str(secrets))
    settings, page = Settings(triton_key="sesame"), exported(PageSettings())
    assert "curtain" in str(page)
    environment = triton_environment(settings, find_installation(settings), page)
    assert not any(word in str(environment) for word in ("curtain", "sesame", "SECRETS_DIR"))


def test_a_folder_of_secrets_that_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("GREENROOM_SECRETS_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(ValidationError, match=r"(?s)secrets_dir.*does not point to a directory"):
        Settings()
