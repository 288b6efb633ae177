"""Variables that look like settings and are none are told, with the name that was meant."""

import pytest
from all_settings import ALL

from greenroom.settings.unread import renamed_settings, unread_settings


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("GREENROOM_TRITON_HANG_TIMEOUT", "it is called GREENROOM_HANG_TIMEOUT now"),
        ("GREENROOM_TTS_DTYPE", "it is called GREENROOM_TTS_PRECISION now"),
        (
            "GREENROOM_DRAIN_TIMEOUTS",
            "no setting has this name; the nearest is GREENROOM_DRAIN_TIMEOUT",
        ),
        ("GREENROOM_QUITE_ANOTHER", "no setting has this name"),
    ],
)
def test_what_is_not_read_is_told(name, reason):
    assert unread_settings({name: "1", "PATH": "/"}) == [f"{name} is not read: {reason}."]


def test_what_is_renamed_has_a_new_name():
    assert set(renamed_settings().values()) <= set(ALL)
    assert not set(renamed_settings()) & set(ALL)


def test_settings_of_all_parts_are_known_and_empty_ones_are_none():
    of_others = ["GREENROOM_URL", "GREENROOM_API_KEY", "GREENROOM_MY_TTS_ENGINE"]
    assert unread_settings(dict.fromkeys([*ALL, *of_others], "1")) == []
    assert unread_settings({"GREENROOM_QUITE_ANOTHER": ""}) == []
