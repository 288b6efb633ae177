"""What a replica that was killed has left is cleared by the next one, and nothing of the living."""

import tempfile
from pathlib import Path

import pytest

from greenroom.fleet import replica_folder
from greenroom.fleet.replica_folder import clear_those_of_the_dead, own_folder
from greenroom.settings import Settings
from greenroom.triton import leftovers
from greenroom.triton.region_prefix import region_prefix


@pytest.fixture
def regions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands for shared memory; /tmp is another folder as well."""
    for name in ("tmp", "shm"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr(leftovers, "SHARED_MEMORY", tmp_path / "shm")
    return tmp_path / "shm"


def with_region(folder: Path, regions: Path) -> Path:
    region = regions / f"{region_prefix(Settings(runtime_dir=folder))}stub"
    region.touch()
    return region


def test_the_living_keep_theirs_and_the_dead_do_not(regions: Path) -> None:
    alive, _held = own_folder()
    dead, held = own_folder()
    kept, left = with_region(alive, regions), with_region(dead, regions)
    replica_folder.os.close(held)  # as the kernel does for a process that ends
    clear_those_of_the_dead(Settings())
    assert (alive.exists(), kept.exists()) == (True, True)
    assert (dead.exists(), left.exists()) == (False, False)


def test_what_is_not_a_replicas_stays(regions: Path) -> None:
    other = Path(tempfile.mkdtemp(prefix="greenroom-"))
    (other.parent / "greenroom-replica-x").symlink_to(other)
    clear_those_of_the_dead(Settings())
    assert other.exists()
