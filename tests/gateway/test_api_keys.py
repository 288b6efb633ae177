"""Reading API keys, comparing them, and who must have some."""

import pytest

from greenroom.errors import PermissionDenied, SetupError, Unauthenticated
from greenroom.gateway.api_keys import ApiKeys, Scope, api_keys, exposed
from greenroom.settings import Settings

ADMIN_KEY, INFERENCE_KEY = "a" * 20, "zA9._~+/-" + "0" * 20 + "=="
BOTH = f"admin:{ADMIN_KEY}, inference:{INFERENCE_KEY}"


@pytest.fixture
def keys() -> ApiKeys:
    return api_keys(Settings(api_keys=BOTH))


def test_a_key_does_what_its_scope_covers(keys):
    keys.check(f"Bearer {INFERENCE_KEY}", Scope.INFERENCE, "ModelInfer")
    keys.check(f"bearer  {ADMIN_KEY} ", Scope.INFERENCE, "ModelInfer")
    keys.check(f"Bearer {ADMIN_KEY}", Scope.ADMIN, "RepositoryModelLoad")
    with pytest.raises(PermissionDenied) as refused:
        keys.check(f"Bearer {INFERENCE_KEY}", Scope.ADMIN, "RepositoryModelLoad")
    assert str(refused.value) == (
        "RepositoryModelLoad needs an API key with the scope admin; this key has inference."
    )


@pytest.mark.parametrize(
    "sent", [None, "", "Bearer", "Bearer ", "Basic " + ADMIN_KEY, ADMIN_KEY, "Bearer " + "b" * 20]
)
def test_no_key_and_a_wrong_key_are_nobody(keys, sent):
    with pytest.raises(Unauthenticated, match="API key") as refused:
        keys.check(sent, Scope.INFERENCE, "ModelInfer")
    assert "b" * 20 not in str(refused.value)


@pytest.mark.parametrize(
    "sent", ["Bearer \udcff\x00", "Bearer " + "é" * 20, "Bearer " + "x" * 9999]
)
def test_odd_keys_are_wrong_keys(keys, sent):
    with pytest.raises(Unauthenticated):
        keys.check(sent, Scope.INFERENCE, "ModelInfer")


def test_a_file_has_a_key_a_line_and_comments(tmp_path):
    path = tmp_path / "api.keys"
    path.write_text(f"# ours\n\nadmin:{ADMIN_KEY}  # Ada\n inference:{INFERENCE_KEY}\n")
    found = api_keys(Settings(api_keys_file=path, api_keys="inference:" + "c" * 16))
    assert (found.count(Scope.ADMIN), found.count(Scope.INFERENCE)) == (1, 2)
    found.check(f"Bearer {ADMIN_KEY}", Scope.ADMIN, "RepositoryModelLoad")


@pytest.mark.parametrize("scope", Scope)
def test_keys_of_one_scope_are_enough(scope):
    found = api_keys(Settings(api_keys=f"{scope}:{ADMIN_KEY}"))
    found.check(f"Bearer {ADMIN_KEY}", Scope.INFERENCE, "ModelInfer")
    with pytest.raises(Unauthenticated):
        found.check(None, Scope.INFERENCE, "ModelInfer")


@pytest.mark.parametrize(
    "line", ["secretsecretsecret", "root:secretsecretsecret", "admin:secret", "admin:secret secret"]
)
def test_a_bad_line_is_named_by_its_number_and_not_shown(tmp_path, line):
    path = tmp_path / "api.keys"
    path.write_text(f"admin:{ADMIN_KEY}\n{line}\n")
    with pytest.raises(
        SetupError, match=r"Line 2 of .*api\.keys is not an API key; .*16"
    ) as refused:
        api_keys(Settings(api_keys_file=path))
    assert "secret" not in str(refused.value)


def test_a_file_that_is_missing_empty_or_no_text_is_named_with_the_way_out(tmp_path):
    path = tmp_path / "api.keys"
    settings = Settings(api_keys_file=path)
    with pytest.raises(SetupError, match=r"api\.keys, which cannot be read: No such file.*urandom"):
        api_keys(settings)
    path.write_text("# none yet\n")
    with pytest.raises(SetupError, match=r"api\.keys contains no API key.*urandom"):
        api_keys(settings)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SetupError, match="it is not text"):
        api_keys(settings)
    with pytest.raises(SetupError, match="Is a directory"):
        api_keys(Settings(api_keys_file=tmp_path))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "::1"])
def test_on_loopback_no_key_is_needed(host):
    assert not api_keys(Settings(host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "no-such-name.invalid"])
def test_elsewhere_a_key_is_demanded(host):
    with pytest.raises(SetupError, match=r"GREENROOM_HOST is .*admin:.*GREENROOM_API_KEYS_FILE="):
        api_keys(Settings(host=host))
    assert api_keys(Settings(host=host, api_keys=BOTH))


def test_a_file_that_everybody_can_read_is_warned_of(tmp_path):
    path = tmp_path / "api.keys"
    path.write_text(f"admin:{ADMIN_KEY}\n")
    path.chmod(0o600)
    assert exposed(Settings(api_keys_file=path)) is None
    path.chmod(0o644)
    assert "chmod 600" in exposed(Settings(api_keys_file=path))
    assert exposed(Settings()) is None


def test_keys_are_in_no_repr(keys):
    settings = Settings(api_keys=BOTH)
    for shown in (repr(keys), str(keys), repr(settings), settings.model_dump_json()):
        assert ADMIN_KEY not in shown
        assert INFERENCE_KEY not in shown
