"""A fleet of two replicas with keys, by the command that users have."""

import json
from collections.abc import Iterator

import httpx
import pytest
from small_fleet import ADMIN, INFERENCE, Fleet


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    policy = json.dumps({name: {"offload_after": -1} for name in ("counter", "tally")})
    keys = f"admin:{ADMIN},inference:{INFERENCE}"
    fleet = Fleet(tmp_path_factory.mktemp("fleet"), api_keys=keys, policy=policy)
    try:
        fleet.up("--replicas", "2")
        yield fleet
    finally:
        done = fleet.command("down")
    assert "The fleet has ended" in done.stdout
    assert not fleet.processes()
    with pytest.raises(httpx.ConnectError):
        httpx.get(fleet.url)
