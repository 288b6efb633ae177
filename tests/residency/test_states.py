"""The transition table."""

import pytest

from greenroom.residency.states import MOVING, TRANSITIONS, Residency, way_to


@pytest.mark.parametrize(
    ("action", "start", "during", "end"),
    [
        ("load", {"cold"}, "loading", "hot"),
        ("offload", {"hot"}, "offloading", "warm"),
        ("restore", {"warm"}, "restoring", "hot"),
        ("unload", {"warm", "hot"}, "unloading", "cold"),
    ],
)
def test_each_action_has_its_row(action, start, during, end):
    row = TRANSITIONS[action]
    assert (set(row.start), row.during, row.end) == (start, during, end)


def test_every_state_rests_or_belongs_to_one_running_action():
    resting = {Residency.COLD, Residency.WARM, Residency.HOT}
    assert set(Residency) == resting | MOVING
    assert len(MOVING) == len(TRANSITIONS)


@pytest.mark.parametrize(
    ("here", "target", "action"),
    [
        ("cold", "hot", "load"),
        ("warm", "hot", "restore"),
        ("hot", "warm", "offload"),
        ("hot", "cold", "unload"),
        ("warm", "cold", "unload"),
        ("cold", "warm", None),
        ("hot", "hot", None),
    ],
)
def test_the_way_from_one_resting_state_to_another(here, target, action):
    assert way_to(Residency(target), Residency(here)) == action
