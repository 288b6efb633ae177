"""The places where saved voices may lie, and an S3 server."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from greenroom_speech.api.voice_place import VoicePlace
from greenroom_speech.api.voices_on_disk import VoicesOnDisk

if TYPE_CHECKING:  # its imports take a second, and most tests of this folder need none of them
    from s3_server import S3Server


@pytest.fixture(params=["disk", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], VoicePlace]:
    """Each call is another service's look at one and the same place."""
    if request.param == "disk":
        return lambda: VoicesOnDisk(tmp_path / "voices")
    from obstore.store import MemoryStore

    from greenroom_speech.api.voices_in_bucket import VoicesInBucket

    store = MemoryStore()
    return lambda: VoicesInBucket(store, "memory://voices")


@pytest.fixture(scope="module")
def s3_server() -> "Iterator[S3Server]":
    from s3_server import S3Server

    with S3Server() as server:
        yield server


@pytest.fixture
def bucket(s3_server: "S3Server", monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of an empty place there; this process's environment has the address and the keys."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return s3_server.empty_place()
