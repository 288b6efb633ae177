"""Folders that killed Tritons have left in /tmp go; others stay."""

import os

from greenroom.triton.leftovers import clear_temporary


def test_only_folders_of_tritons_that_have_ended_are_removed(tmp_path):
    for name in ("python_env_aB3xyz", "python_env_", "python_env_toolong", "other_aB3xyz"):
        (tmp_path / name / "lib").mkdir(parents=True)
    (tmp_path / "python_env_linked").symlink_to(tmp_path / "other_aB3xyz")
    for path in tmp_path.iterdir():
        os.utime(path, (1, 1))
    (tmp_path / "python_env_newone").mkdir()
    clear_temporary(tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {
        "python_env_",
        "python_env_toolong",
        "other_aB3xyz",
        "python_env_linked",
        "python_env_newone",
    }
    assert (tmp_path / "other_aB3xyz" / "lib").is_dir()
