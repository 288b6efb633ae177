"""Other people's files are taken for what they are only by their sha256."""

import hashlib
from pathlib import Path

import pytest

from greenroom.errors import SetupError
from greenroom_speech.engines.kokoro.package_files import PackagedFile

SHA256 = hashlib.sha256(b"one two").hexdigest()
MISSING = PackagedFile("model.onnx", (("no-such-package", "part.bin"),), SHA256)


def test_the_models_folder_goes_first_and_is_checked_too(tmp_path):
    (tmp_path / "kokoro").mkdir()
    (tmp_path / "kokoro" / "model.onnx").write_bytes(b"one two")
    assert MISSING.read(tmp_path) == b"one two"
    (tmp_path / "kokoro" / "model.onnx").write_bytes(b"one three")
    with pytest.raises(SetupError, match=rf"has the sha256 \w+; it must be {SHA256}\.$"):
        MISSING.read(tmp_path)


def test_parts_of_packages_are_joined(tmp_path):
    paths = ("pytest/__main__.py", "pytest/__init__.py")
    content = b"".join((Path(pytest.__file__).parent.parent / path).read_bytes() for path in paths)
    whole = PackagedFile(
        "whole", tuple(("pytest", path) for path in paths), hashlib.sha256(content).hexdigest()
    )
    assert whole.read(tmp_path) == content


def test_what_is_missing_is_named_with_what_brings_it(tmp_path):
    with pytest.raises(SetupError, match=r"the package no-such-package does not have it, and "):
        MISSING.read(tmp_path)
