"""What a source offers: files of one release with their addresses, sizes and hashes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from greenroom_speech.checkpoints.digest import Digest
from greenroom_speech.checkpoints.releases import Release


@dataclass(frozen=True)
class RemoteFile:
    """One file that can be fetched, and what it must be once it is here."""

    url: str
    bytes: int
    digest: Digest
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Listing:
    """All of a release that one source has."""

    source: str
    """Where it comes from, for people: the repository's address."""
    revision: str | None
    """The commit; None where the addresses alone say what the files are."""
    files: Mapping[str, RemoteFile]
    """By path in the repository."""


class Source(Protocol):
    """A place that checkpoints are fetched from."""

    name: str

    def has(self, release: Release) -> bool:
        """True if the release is published there at all; nobody is asked."""
        ...

    def listing(self, release: Release, revision: str | None) -> Listing:
        """Ask for the files; revision None means the newest.

        Raises SourceUnreachable if there is no answer, PullFailed if there is no such
        repository or revision.
        """
        ...
