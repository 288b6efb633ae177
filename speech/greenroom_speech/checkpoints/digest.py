"""The hash of a file, in the two ways that hubs publish it."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class Digest:
    """A published hash: ``sha256`` of the content, or ``git``, git's blob id."""

    kind: str
    value: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what ``str`` of a digest has written."""
        kind, _, value = text.partition(":")
        return cls(kind, value)

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}"

    def matches(self, path: Path) -> bool:
        """Read the whole file and compare; OSError where it cannot be read."""
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: self._hasher(path)).hexdigest() == self.value

    def _hasher(self, path: Path) -> "hashlib._Hash":
        if self.kind == "sha256":
            return hashlib.sha256()
        return hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)


def sha256(value: str) -> Digest:
    return Digest("sha256", value)
