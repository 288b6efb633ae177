"""scripts/version knows all places of the version, and they say the same."""

import runpy

from greenroom.settings import PROJECT


def test_one_version_stands_everywhere():
    places = runpy.run_path(str(PROJECT / "scripts" / "version"))["places"]()
    names = {str(path.relative_to(PROJECT)) for path in places}
    assert {"pyproject.toml", "client/pyproject.toml", "speech/pyproject.toml"} < names
    assert "docker-compose.yml" in names
    assert len({version for versions in places.values() for version in versions}) == 1, places
